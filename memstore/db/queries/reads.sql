-- name: memories
-- All memories.
SELECT name FROM memreward.memory WHERE deleted_at IS NULL AND NOT importing ORDER BY name;

-- name: query_embeddings
-- Embeddings of all queries up to a sequence number.
SELECT id, embedding FROM memreward.query
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY id;

-- name: policy_embedding_stamp
-- The policy, layer and dimension that most policy embeddings carry.
SELECT policy, layer, vector_dims(embedding) AS dimension FROM memreward.policy_embedding
WHERE memory = %(memory)s AND seq <= %(seq)s
GROUP BY policy, layer, dimension ORDER BY count(*) DESC, policy, layer, dimension LIMIT 1;

-- name: policy_embeddings
-- The policy embeddings of one stamp.
SELECT rollout_id, embedding FROM memreward.policy_embedding
WHERE memory = %(memory)s AND seq <= %(seq)s AND policy = %(policy)s AND layer = %(layer)s
    AND vector_dims(embedding) = %(dimension)s
ORDER BY rollout_id;

-- name: current_verified_rewards
-- The current verified reward of each rollout up to a sequence number.
SELECT rollout_id, value, source
FROM memreward.current_verified(%(memory)s, %(seq)s::bigint, NULL::text[]);

-- name: several_said
-- What each source said last, up to a sequence number, of the rollouts of which more than one spoke.
SELECT said.rollout_id, said.source, said.value
FROM (
    SELECT rollout_id, source, value, count(*) OVER (PARTITION BY rollout_id) AS sources
    FROM memreward.verified_by_source(%(memory)s, %(seq)s::bigint, NULL::text[])
) AS said
WHERE said.sources > 1 ORDER BY said.rollout_id, said.source;

-- name: current_preferences
-- The current preferences up to a sequence number.
SELECT better, worse
FROM memreward.current_preference(%(memory)s, %(seq)s::bigint, NULL::text[])
ORDER BY better, worse, annotator;

-- name: models
-- Checkpoints known to a memory, the latest first.
SELECT version, manifest, created_at FROM memreward.model
WHERE memory = %(memory)s ORDER BY seq DESC;

-- name: removals
-- Of memories, in order of name: the last accepted and the last published batch that takes rows away
-- or replaces them, where there is one.
SELECT memory, max(seq), coalesce(max(seq) FILTER (WHERE published_at IS NOT NULL), 0)
FROM memreward.batch
WHERE memory = ANY(%(memories)s) AND kind IN ('delete', 'reembed', 'rekey', 'compact')
GROUP BY memory ORDER BY memory;

-- name: rollout
-- Query, run and place of a rollout.
SELECT query_id, run, source_query_id, step, place, policy, checkpoint, seq
FROM memreward.rollout WHERE memory = %(memory)s AND id = %(rollout)s;

-- name: ids_by_prefix
-- The rollouts whose ids begin with each of these hexadecimal prefixes; a few are enough to tell.
SELECT p.prefix, r.id
FROM unnest(%(prefixes)s::text[]) AS p (prefix)
CROSS JOIN LATERAL (
    SELECT id FROM memreward.rollout
    WHERE memory = %(memory)s AND id >= p.prefix AND id < p.prefix || 'g'
        AND starts_with(id, p.prefix)
    ORDER BY id LIMIT 20
) AS r;

-- name: places
-- Run, the owner's query id, step and number of each of these rollouts.
SELECT id, run, source_query_id, step, place FROM memreward.rollout
WHERE memory = %(memory)s AND id = ANY(%(rollouts)s);

-- name: answers
-- The answers of these rollouts.
SELECT id, answer FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(rollouts)s);

-- name: source_query_ids
-- What the owners of their rollouts call each of these queries.
SELECT query_id, array_agg(DISTINCT source_query_id ORDER BY source_query_id)
FROM memreward.rollout WHERE memory = %(memory)s AND query_id = ANY(%(queries)s)
GROUP BY query_id;

-- name: seq_at
-- The last batch that was accepted by a moment.
SELECT coalesce(max(seq), 0) FROM memreward.batch
WHERE memory = %(memory)s AND accepted_at <= %(at)s;

-- name: verified
-- What was verified of a rollout, in order.
SELECT seq, at, source, value, same_as FROM memreward.verified_reward
WHERE memory = %(memory)s AND rollout_id = %(rollout)s AND seq <= %(seq)s ORDER BY seq, source;

-- name: propagated
-- What models concluded about a rollout, in order.
SELECT seq, at, model, value, confidence FROM memreward.propagated_reward
WHERE memory = %(memory)s AND rollout_id = %(rollout)s AND seq <= %(seq)s ORDER BY seq;

-- name: preferences
-- Preferences that name a rollout, in order.
SELECT seq, at, annotator, better, worse FROM memreward.preference
WHERE memory = %(memory)s AND (better = %(rollout)s OR worse = %(rollout)s) AND seq <= %(seq)s
ORDER BY seq, annotator, better;

-- name: run_rewards
-- Every rollout with the run and the policy that made it, and its current verified reward.
SELECT r.run, r.policy, r.id, r.query_id, v.value
FROM memreward.rollout AS r
LEFT JOIN memreward.current_verified(%(memory)s, NULL::bigint, NULL::text[]) AS v
    ON v.rollout_id = r.id
WHERE r.memory = %(memory)s ORDER BY r.run, r.policy NULLS FIRST, r.id;

-- name: run_known
-- Whether a run of this name has brought anything to a memory.
SELECT 1 FROM memreward.run WHERE memory = %(memory)s AND name = %(name)s;

-- name: paid_queries
-- Queries of which at least one rollout was verified, with who paid first: the run, the source and
-- when. Verified rewards are never removed but with their rollouts, so this is what was spent.
SELECT DISTINCT ON (r.query_id) r.query_id, v.run, v.source, v.at
FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
WHERE v.memory = %(memory)s
ORDER BY r.query_id, v.seq, v.source;

-- name: labelled_queries
-- Queries of which something is verified up to a sequence number.
SELECT DISTINCT r.query_id
FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
WHERE v.memory = %(memory)s AND v.seq <= %(seq)s;

-- name: queries_without_text
-- Queries all of whose rollouts are forgotten, up to a sequence number.
SELECT DISTINCT r.query_id FROM memreward.rollout AS r
WHERE r.memory = %(memory)s AND r.seq <= %(seq)s AND r.forgotten_seq IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM memreward.rollout AS o
        WHERE o.memory = r.memory AND o.query_id = r.query_id AND o.seq <= %(seq)s
            AND o.forgotten_seq IS NULL
    );

-- name: queries_to_label
-- These queries with their whole rollouts up to a sequence number, those in order of id.
SELECT q.id, q.dataset, q.text, r.id
FROM memreward.query AS q
JOIN memreward.rollout AS r ON r.memory = q.memory AND r.query_id = q.id
WHERE q.memory = %(memory)s AND q.id = ANY(%(queries)s::text[]) AND r.seq <= %(seq)s
    AND r.forgotten_seq IS NULL
ORDER BY q.id, r.id;

-- name: stored_rewards
-- How many queries and rollouts there are up to a sequence number, of how many rollouts something
-- is verified, of how many of the others a model was asked, and how many preferences there are.
SELECT count(DISTINCT r.query_id), count(*), count(v.rollout_id),
    count(p.rollout_id) FILTER (WHERE v.rollout_id IS NULL), (
        SELECT count(*)
        FROM memreward.current_preference(%(memory)s, %(seq)s::bigint, NULL::text[])
    )
FROM memreward.rollout AS r
LEFT JOIN memreward.current_verified(%(memory)s, %(seq)s::bigint, NULL::text[]) AS v
    ON v.rollout_id = r.id
LEFT JOIN memreward.current_propagated(%(memory)s, %(seq)s::bigint, NULL::text[]) AS p
    ON p.rollout_id = r.id
WHERE r.memory = %(memory)s AND r.seq <= %(seq)s;

-- name: rollouts_by_query
-- Every rollout up to a sequence number with its query, its current rewards, and the rollouts that
-- it is preferred to, with who says so, query by query.
SELECT q.id, q.text, q.dataset, q.domain, r.id, r.run, r.policy, r.step, r.thinking, r.answer,
    r.conclusion_id, v.value, p.value, p.model, r.forgotten_seq IS NOT NULL, c.worse, c.annotators
FROM memreward.rollout AS r
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
LEFT JOIN memreward.current_verified(%(memory)s, %(seq)s::bigint, NULL::text[]) AS v
    ON v.rollout_id = r.id
LEFT JOIN memreward.current_propagated(%(memory)s, %(seq)s::bigint, NULL::text[]) AS p
    ON p.rollout_id = r.id
LEFT JOIN (
    SELECT better, array_agg(worse ORDER BY worse, annotator) AS worse,
        array_agg(annotator ORDER BY worse, annotator) AS annotators
    FROM memreward.current_preference(%(memory)s, %(seq)s::bigint, NULL::text[])
    GROUP BY better
) AS c ON c.better = r.id
WHERE r.memory = %(memory)s AND r.seq <= %(seq)s
ORDER BY q.id, r.id;
