-- name: current_verified
-- The current verified reward of these rollouts up to a sequence number, as Neo4j is told it.
SELECT rollout_id, value, source, run, at, sources, spread
FROM memreward.current_verified(%(memory)s, %(seq)s::bigint, %(ids)s::text[])
ORDER BY rollout_id;

-- name: query_of_rollouts
-- Which of these rollouts are in the memory, and whose query they answer.
SELECT id, query_id FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: rollouts_that_say
-- Rollouts by what they say: of each line the rollouts of its query with this answer and, unless it
-- is NULL, this thinking.
SELECT given.line, r.id, r.run, r.step
FROM unnest(%(lines)s::int[], %(queries)s::text[], %(thinkings)s::text[], %(answers)s::text[])
    AS given (line, query_id, thinking, answer)
JOIN memreward.rollout AS r ON r.memory = %(memory)s AND r.query_id = given.query_id
    AND r.answer = given.answer AND (given.thinking IS NULL OR r.thinking = given.thinking)
ORDER BY given.line, r.id;

-- name: said
-- What each source said last of each of these rollouts, up to a sequence number (NULL: any).
SELECT rollout_id, source, value
FROM memreward.verified_by_source(%(memory)s, %(seq)s::bigint, %(ids)s::text[]);

-- name: preferred
-- The current preferences that name one of these rollouts.
SELECT better, worse, annotator, at
FROM memreward.current_preference(%(memory)s, NULL::bigint, %(ids)s::text[]);

-- name: drop_other_encoders
-- Embeddings that another encoder began to make.
DELETE FROM memreward.new_embedding WHERE memory = %(memory)s AND encoder <> %(encoder)s;

-- name: queries_to_do
-- The next page of queries without their new embedding.
SELECT q.id, q.text FROM memreward.query AS q
WHERE q.memory = %(memory)s AND q.id > %(after)s AND NOT EXISTS (
    SELECT 1 FROM memreward.new_embedding AS n
    WHERE n.memory = q.memory AND n.part = 'query' AND n.id = q.id
)
ORDER BY q.id LIMIT %(limit)s;

-- name: rollouts_to_do
-- The next page of rollouts without their new embeddings; forgotten ones get none.
SELECT r.id, r.thinking, r.answer FROM memreward.rollout AS r
WHERE r.memory = %(memory)s AND r.id > %(after)s AND r.forgotten_seq IS NULL AND NOT EXISTS (
    SELECT 1 FROM memreward.new_embedding AS n
    WHERE n.memory = r.memory AND n.part = 'answer' AND n.id = r.id
)
ORDER BY r.id LIMIT %(limit)s;

-- name: left
-- How many texts are still to be embedded.
SELECT (SELECT count(*) FROM memreward.query WHERE memory = %(memory)s)
    + 2 * (SELECT count(*) FROM memreward.rollout
           WHERE memory = %(memory)s AND forgotten_seq IS NULL)
    - (SELECT count(*) FROM memreward.new_embedding WHERE memory = %(memory)s);

-- name: switch_queries
-- The new embeddings of queries become the embeddings.
UPDATE memreward.query AS q SET embedding = n.embedding
FROM memreward.new_embedding AS n
WHERE q.memory = %(memory)s AND n.memory = q.memory AND n.part = 'query' AND n.id = q.id;

-- name: switch_rollouts
-- The same for rollouts.
UPDATE memreward.rollout AS r
SET thinking_embedding = t.embedding, answer_embedding = a.embedding
FROM memreward.new_embedding AS t, memreward.new_embedding AS a
WHERE r.memory = %(memory)s AND r.forgotten_seq IS NULL
    AND t.memory = r.memory AND t.part = 'thinking' AND t.id = r.id
    AND a.memory = r.memory AND a.part = 'answer' AND a.id = r.id;

-- name: switch_memory
-- The memory is stamped with the new encoder.
UPDATE memreward.memory
SET encoder = %(encoder)s, dimension = %(dimension)s, encoder_path = %(path)s
WHERE name = %(memory)s;

-- name: drop_new_embeddings
-- They are the embeddings now.
DELETE FROM memreward.new_embedding WHERE memory = %(memory)s;

-- name: query_ids
-- All queries.
SELECT id FROM memreward.query WHERE memory = %(memory)s ORDER BY id;

-- name: add_model
-- A checkpoint becomes known to the memory.
INSERT INTO memreward.model (memory, version, manifest, seq)
VALUES (%(memory)s, %(version)s, %(manifest)s, %(seq)s);

-- name: model_known
-- Whether a checkpoint is known.
SELECT 1 FROM memreward.model WHERE memory = %(memory)s AND version = %(version)s;

-- name: policies_of
-- Which policies made these rollouts, of those that are known.
SELECT id, policy FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: datasets_of
-- Data set and domain of these queries, of those that are known.
SELECT id, dataset, domain FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);
