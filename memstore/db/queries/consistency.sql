-- name: memory
-- State of a memory here.
SELECT dimension, incarnation::text, seq, published_seq, published_generation, keys_version,
    deleted_at IS NOT NULL, importing, rebuilding
FROM memreward.memory WHERE name = %(memory)s;

-- name: batches
-- How many batches there are, the first and the last, and which published ones look unpublished.
SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0),
    count(*) FILTER (WHERE seq <= %(published)s AND (published_at IS NULL OR payload IS NOT NULL)),
    count(*) FILTER (WHERE seq > %(published)s AND kind IN ('link', 'reembed'))
FROM memreward.batch WHERE memory = %(memory)s;

-- name: quarantined
-- Batches that keep failing.
SELECT seq, kind, reason FROM memreward.batch
WHERE memory = %(memory)s AND quarantined_at IS NOT NULL ORDER BY seq;

-- name: runs
-- Runs with what they were given.
SELECT name, policy, checkpoint FROM memreward.run
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY name;

-- name: policies
-- Policies.
SELECT name, seq FROM memreward.policy
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY name;

-- name: sources
-- Sources.
SELECT name, seq FROM memreward.source
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY name;

-- name: models
-- Known checkpoints.
SELECT version FROM memreward.model WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY version;

-- name: queries
-- A page of queries.
SELECT id, seq, dataset, domain, text FROM memreward.query
WHERE memory = %(memory)s AND seq <= %(seq)s AND id > %(after)s ORDER BY id LIMIT %(limit)s;

-- name: rollouts
-- A page of rollouts with what they hang on.
SELECT r.id, r.seq, r.query_id, r.content_hash, q.text, r.thinking, r.answer,
    r.forgotten_seq
FROM memreward.rollout AS r JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
WHERE r.memory = %(memory)s AND r.seq <= %(seq)s AND r.id > %(after)s
ORDER BY r.id LIMIT %(limit)s;

-- name: answers
-- A page of rollouts as far as their answers go.
SELECT id, seq, run, conclusion_id, policy, step, checkpoint, answer FROM memreward.rollout
WHERE memory = %(memory)s AND seq <= %(seq)s AND id > %(after)s ORDER BY id LIMIT %(limit)s;

-- name: conclusions
-- A page of conclusions.
SELECT id, seq, key FROM memreward.conclusion
WHERE memory = %(memory)s AND seq <= %(seq)s AND id > %(after)s ORDER BY id LIMIT %(limit)s;

-- name: similar
-- Similarity edges of these queries in one generation.
SELECT query_id, neighbour_id, rank, score FROM memreward.similar_to
WHERE memory = %(memory)s AND generation = %(generation)s AND seq <= %(seq)s
    AND query_id = ANY(%(ids)s);

-- name: propagated
-- The current propagated reward of these rollouts.
SELECT rollout_id, value, confidence, model
FROM memreward.current_propagated(%(memory)s, %(seq)s::bigint, %(ids)s::text[]);

-- name: preferred
-- The current preferences in which one of these rollouts is the better.
SELECT better, worse, annotator
FROM memreward.current_preference(%(memory)s, %(seq)s::bigint, %(ids)s::text[])
WHERE better = ANY(%(ids)s);

-- name: bad_query_embeddings
-- Queries whose embedding has a wrong dimension or a norm that gives no cosine.
SELECT id, vector_dims(embedding), vector_norm(embedding) FROM memreward.query
WHERE memory = %(memory)s AND (vector_dims(embedding) <> %(dimension)s
    OR NOT vector_norm(embedding) BETWEEN %(low)s AND %(high)s)
ORDER BY id LIMIT %(limit)s;

-- name: bad_thinking_embeddings
-- The same of thinkings.
SELECT id, vector_dims(thinking_embedding), vector_norm(thinking_embedding) FROM memreward.rollout
WHERE memory = %(memory)s AND (vector_dims(thinking_embedding) <> %(dimension)s
    OR NOT vector_norm(thinking_embedding) BETWEEN %(low)s AND %(high)s)
ORDER BY id LIMIT %(limit)s;

-- name: bad_answer_embeddings
-- The same of answers.
SELECT id, vector_dims(answer_embedding), vector_norm(answer_embedding) FROM memreward.rollout
WHERE memory = %(memory)s AND (vector_dims(answer_embedding) <> %(dimension)s
    OR NOT vector_norm(answer_embedding) BETWEEN %(low)s AND %(high)s)
ORDER BY id LIMIT %(limit)s;

-- name: bad_policy_embeddings
-- Policy embeddings whose dimension is not that of most with their stamp, or whose norm gives no
-- cosine.
WITH usual AS (
    SELECT policy, layer, mode() WITHIN GROUP (ORDER BY vector_dims(embedding)) AS dimension
    FROM memreward.policy_embedding WHERE memory = %(memory)s GROUP BY policy, layer
)
SELECT p.rollout_id, vector_dims(p.embedding), vector_norm(p.embedding)
FROM memreward.policy_embedding AS p JOIN usual USING (policy, layer)
WHERE p.memory = %(memory)s AND (vector_dims(p.embedding) <> usual.dimension
    OR NOT vector_norm(p.embedding) BETWEEN %(low)s AND %(high)s)
ORDER BY p.rollout_id LIMIT %(limit)s;
