-- name: create_memory
-- A memory begins with its first accepted batch, stamped with its encoder and its conclusion keys.
-- One that is divided into shards does not.
INSERT INTO memreward.memory (name, encoder, dimension, neighbours, keys_version)
SELECT %(memory)s, %(encoder)s, %(dimension)s, %(neighbours)s, %(keys_version)s
WHERE NOT EXISTS (SELECT FROM memreward.shard WHERE memory = %(memory)s)
    AND NOT EXISTS (SELECT FROM memreward.divided_elsewhere WHERE memory = %(memory)s)
ON CONFLICT (name) DO NOTHING;

-- name: memory_states
-- States of memories.
SELECT name, encoder, dimension, incarnation::text, neighbours, seq, published_seq, generation,
    published_generation, encoder_path, keys_version, feature_names, deleted_at IS NOT NULL,
    importing, rebuilding
FROM memreward.memory WHERE name = ANY(%(memories)s);

-- name: shards
-- Into how many shards a memory is divided; 0: into none.
SELECT (SELECT count(*) FROM memreward.shard WHERE memory = %(memory)s)
    + coalesce((SELECT shards FROM memreward.divided_elsewhere WHERE memory = %(memory)s), 0);

-- name: known_rollouts
-- Which of these rollouts are accepted already, each in its memory, and what they say. OFFSET 0 keeps
-- each a lookup by key.
SELECT r.id, r.content_hash
FROM unnest(%(memories)s::text[], %(ids)s::text[]) AS asked (memory, id)
CROSS JOIN LATERAL (
    SELECT id, content_hash FROM memreward.rollout
    WHERE memory = asked.memory AND id = asked.id OFFSET 0
) AS r;

-- name: known_queries
-- Which of these queries are accepted already, each in its memory. OFFSET 0 keeps each a lookup by key.
SELECT found.id FROM unnest(%(memories)s::text[], %(ids)s::text[]) AS asked (memory, id)
CROSS JOIN LATERAL (
    SELECT id FROM memreward.query WHERE memory = asked.memory AND id = asked.id OFFSET 0
) AS found;

-- name: known_query_vectors
-- Texts of these queries that are accepted already, with their embeddings.
SELECT text, embedding FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: known_rollout_vectors
-- Which of these texts rollouts of these queries have said already, with their embeddings.
SELECT DISTINCT ON (said.text) said.text, said.embedding
FROM memreward.rollout AS r
CROSS JOIN LATERAL (
    VALUES (r.thinking, r.thinking_embedding), (r.answer, r.answer_embedding)
) AS said (text, embedding)
WHERE r.memory = %(memory)s AND r.query_id = ANY(%(ids)s) AND said.text = ANY(%(texts)s)
    AND said.embedding IS NOT NULL
ORDER BY said.text;

-- name: current_verified
-- The current verified reward of each of these rollouts by one source.
SELECT rollout_id, value
FROM memreward.verified_by_source(%(memory)s, NULL::bigint, %(ids)s::text[])
WHERE source = %(source)s;

-- name: next_seq
-- Take the next sequence number of a locked memory.
UPDATE memreward.memory SET seq = seq + 1 WHERE name = %(memory)s RETURNING seq;

-- name: next_seqs
-- The same of several locked memories; their rows are locked in the order of their names, as those
-- do who publish several.
WITH held AS MATERIALIZED (
    SELECT name FROM memreward.memory WHERE name = ANY(%(memories)s)
    ORDER BY name FOR NO KEY UPDATE
)
UPDATE memreward.memory AS m SET seq = m.seq + 1 FROM held WHERE m.name = held.name
RETURNING m.name, m.seq;

-- name: add_runs
-- A run is recorded once a memory, with the batch that brought it.
INSERT INTO memreward.run (memory, name, policy, checkpoint, seq)
SELECT memory, %(name)s, policy, checkpoint, seq
FROM unnest(%(memories)s::text[], %(policies)s::text[], %(checkpoints)s::text[], %(seqs)s::bigint[])
    AS part (memory, policy, checkpoint, seq)
ON CONFLICT (memory, name) DO NOTHING;

-- name: add_policies
-- A policy is recorded once, with the batch that brought its first answers.
INSERT INTO memreward.policy (memory, name, seq)
SELECT memory, name, seq
FROM unnest(%(memories)s::text[], %(seqs)s::bigint[], %(names)s::text[]) AS given (memory, seq, name)
ON CONFLICT (memory, name) DO NOTHING;

-- name: add_sources
-- A source is recorded once, with the batch of what it said first.
INSERT INTO memreward.source (memory, name, seq)
SELECT %(memory)s, name, %(seq)s FROM unnest(%(names)s::text[]) AS name
ON CONFLICT (memory, name) DO NOTHING;

-- name: sources_of_batches
-- Sources that said something for the first time in one batch of each of several memories.
SELECT part.memory, s.name
FROM unnest(%(memories)s::text[], %(seqs)s::bigint[]) AS part (memory, seq)
CROSS JOIN LATERAL (
    SELECT name FROM memreward.source WHERE memory = part.memory AND seq = part.seq OFFSET 0
) AS s
ORDER BY part.memory, s.name;

-- name: sources_up_to
-- Sources that spoke up to a batch, each with the batch of what it said first.
SELECT name, seq FROM memreward.source
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, name;

-- name: verified_in_batches
-- What sources said in one batch of each of several memories.
SELECT part.memory, v.source, v.rollout_id, v.value, v.run, v.at, part.seq, v.same_as
FROM unnest(%(memories)s::text[], %(seqs)s::bigint[]) AS part (memory, seq)
CROSS JOIN LATERAL (
    SELECT source, rollout_id, value, run, at, same_as FROM memreward.verified_reward
    WHERE memory = part.memory AND seq = part.seq OFFSET 0
) AS v
ORDER BY part.memory, v.rollout_id, v.source;

-- name: verified_by_sources
-- What each source said last of these rollouts up to a batch, and when it spoke first.
SELECT s.source, s.rollout_id, s.value, s.run, s.at, (
    SELECT min(v.seq) FROM memreward.verified_reward AS v
    WHERE v.memory = %(memory)s AND v.rollout_id = s.rollout_id AND v.source = s.source
), s.same_as
FROM memreward.verified_by_source(%(memory)s, %(seq)s::bigint, %(ids)s::text[]) AS s
ORDER BY s.rollout_id, s.source;

-- name: verified_rollouts
-- A page of the rollouts of which something was verified up to a batch.
SELECT DISTINCT rollout_id FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq <= %(seq)s AND rollout_id > %(after)s
ORDER BY rollout_id LIMIT %(limit)s;

-- name: known_conclusions
-- Which of these conclusions were reached before, each in its memory. OFFSET 0 keeps each a lookup by key.
SELECT found.id FROM unnest(%(memories)s::text[], %(ids)s::text[]) AS asked (memory, id)
CROSS JOIN LATERAL (
    SELECT id FROM memreward.conclusion WHERE memory = asked.memory AND id = asked.id OFFSET 0
) AS found;

-- name: add_batch
-- The batch itself, with what Neo4j still has to be told and no other table says.
INSERT INTO memreward.batch (memory, seq, kind, payload, token)
VALUES (%(memory)s, %(seq)s, %(kind)s, %(payload)s, %(token)s);

-- name: add_batches
-- A batch of each of several memories.
INSERT INTO memreward.batch (memory, seq, kind, payload, token)
SELECT memory, seq, %(kind)s, payload::json, %(token)s
FROM unnest(%(memories)s::text[], %(seqs)s::bigint[], %(payloads)s::text[])
    AS given (memory, seq, payload);

-- name: batch_of_token
-- A batch that a writer has accepted under its token, if its commit went through.
SELECT seq FROM memreward.batch WHERE memory = ANY(%(memories)s) AND token = %(token)s;

-- name: cut_off
-- The delete of a run, a re-keying or a compaction that was accepted and not carried to its end:
-- the rows that it removes or replaces are still here.
SELECT b.kind, b.memory FROM memreward.batch AS b JOIN memreward.memory AS m ON m.name = b.memory
WHERE m.name = ANY(%(memories)s) AND b.seq > m.published_seq AND b.kind IN ('delete', 'rekey', 'compact')
LIMIT 1;

-- name: next_batch
-- The first accepted batch that Neo4j has not been told.
SELECT m.incarnation::text, b.seq, b.kind, b.payload, b.tries, b.quarantined_at IS NOT NULL, b.reason
FROM memreward.batch AS b JOIN memreward.memory AS m ON m.name = b.memory
WHERE b.memory = %(memory)s AND b.seq = m.published_seq + 1 AND m.deleted_at IS NULL;

-- name: next_batches
-- The same of several memories.
SELECT m.name, m.incarnation::text, b.seq, b.kind, b.payload, b.tries
FROM memreward.memory AS m
CROSS JOIN LATERAL (
    SELECT seq, kind, payload, tries FROM memreward.batch
    WHERE memory = m.name AND seq = m.published_seq + 1 OFFSET 0
) AS b
WHERE m.name = ANY(%(memories)s) AND m.deleted_at IS NULL
ORDER BY m.name;

-- name: may_publish
-- Whether this session still holds the publisher's lock for a memory that is still there; asked
-- inside the transaction of Neo4j, which continues only if the answer is yes.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND deleted_at IS NULL
);

-- name: mark_published
-- Neo4j holds the batch: move the number up to which it does, and drop the payload.
WITH moved AS (
    UPDATE memreward.memory
    SET published_seq = %(seq)s,
        published_generation = coalesce(%(generation)s::integer, published_generation)
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s
        AND published_seq = %(seq)s - 1
    RETURNING 1
)
UPDATE memreward.batch SET published_at = now(), payload = NULL
WHERE memory = %(memory)s AND seq = %(seq)s AND EXISTS (SELECT 1 FROM moved);

-- name: may_publish_all
-- The same of several memories: how many of them are still there.
SELECT count(*) FROM memreward.memory AS m
JOIN unnest(%(memories)s::text[], %(incarnations)s::text[]) AS part (memory, incarnation)
    ON m.name = part.memory AND m.incarnation::text = part.incarnation
WHERE m.deleted_at IS NULL;

-- name: mark_all_published
-- Neo4j holds a batch of each of several memories. Their rows are locked in the order of their
-- names, as those do who accept to several.
WITH held AS MATERIALIZED (
    SELECT m.name, part.incarnation, part.seq
    FROM memreward.memory AS m
    JOIN unnest(%(memories)s::text[], %(incarnations)s::text[], %(seqs)s::bigint[])
        AS part (memory, incarnation, seq) ON m.name = part.memory
    ORDER BY m.name FOR NO KEY UPDATE OF m
), moved AS (
    UPDATE memreward.memory AS m SET published_seq = held.seq FROM held
    WHERE m.name = held.name AND m.incarnation::text = held.incarnation
        AND m.published_seq = held.seq - 1
    RETURNING m.name, held.seq
)
UPDATE memreward.batch AS b SET published_at = now(), payload = NULL FROM moved
WHERE b.memory = moved.name AND b.seq = moved.seq;

-- name: count_try
-- A publication that failed; after so many of them the batch is quarantined.
UPDATE memreward.batch
SET tries = tries + 1, reason = %(reason)s,
    quarantined_at = CASE WHEN tries + 1 >= %(limit)s THEN now() END
WHERE memory = %(memory)s AND seq = %(seq)s
RETURNING quarantined_at IS NOT NULL;

-- name: published_seq
-- The last published batch of a memory.
SELECT published_seq FROM memreward.memory WHERE name = %(memory)s;

-- name: generation_edges
-- A page of the similarity edges that a link brings, in order; those of queries that arrived since
-- are in the same generation and come with their own batches.
SELECT query_id, neighbour_id, rank, score FROM memreward.similar_to
WHERE memory = %(memory)s AND generation = %(generation)s
    AND seq = %(seq)s AND (query_id, neighbour_id) > (%(query_id)s, %(neighbour_id)s)
ORDER BY query_id, neighbour_id LIMIT %(limit)s;

-- name: older_generation
-- The published generation, if edges of earlier ones are left. The least generation is one look
-- into the index; whether one is below a number would be a look at every edge.
SELECT m.incarnation::text, m.published_generation FROM memreward.memory AS m
WHERE m.name = %(memory)s AND m.deleted_at IS NULL AND m.published_generation > (
    SELECT min(s.generation) FROM memreward.similar_to AS s WHERE s.memory = m.name
);

-- name: outdated
-- Those of several memories of which edges of earlier generations are left.
SELECT m.name FROM memreward.memory AS m
WHERE m.name = ANY(%(memories)s) AND m.deleted_at IS NULL AND m.published_generation > (
    SELECT min(s.generation) FROM memreward.similar_to AS s WHERE s.memory = m.name
);

-- name: drop_older_generations
-- Edges of generations that no reader sees any more.
DELETE FROM memreward.similar_to WHERE memory = %(memory)s AND generation < %(generation)s;

-- name: state
-- Whether a memory is going, lags in Neo4j, or has edges left of an interrupted link or clean-up.
SELECT m.deleted_at IS NOT NULL,
    m.seq,
    m.published_seq,
    coalesce(m.published_generation > (
        SELECT min(s.generation) FROM memreward.similar_to AS s WHERE s.memory = m.name
    ), false),
    coalesce(m.generation < (
        SELECT max(s.generation) FROM memreward.similar_to AS s WHERE s.memory = m.name
    ), false),
    m.rebuilding
FROM memreward.memory AS m WHERE m.name = %(memory)s;

-- name: every_memory
-- Names of all memories, those that are going among them.
SELECT name FROM memreward.memory ORDER BY name;

-- name: release_quarantine
-- Let a quarantined batch have one more try; its queries are to be neighbours again.
WITH released AS (
    UPDATE memreward.batch SET quarantined_at = NULL, tries = %(tries)s
    WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
    RETURNING memory, seq
)
UPDATE memreward.memory AS m SET linked_seq = least(m.linked_seq, released.seq - 1)
FROM released WHERE m.name = released.memory RETURNING released.seq;
