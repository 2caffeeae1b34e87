-- name: create_memory
-- A memory begins with its first accepted batch, stamped with its encoder.
INSERT INTO memreward.memory (name, encoder, dimension, neighbours)
VALUES (%(memory)s, %(encoder)s, %(dimension)s, %(neighbours)s)
ON CONFLICT (name) DO NOTHING;

-- name: memory_state
-- Where a memory stands.
SELECT encoder, dimension, incarnation::text, neighbours, seq, published_seq, generation,
    published_generation, encoder_path, deleted_at IS NOT NULL, importing, rebuilding
FROM memreward.memory WHERE name = %(memory)s;

-- name: known_rollouts
-- Which of these rollouts are accepted already, and what they say.
SELECT id, content_hash FROM memreward.rollout
WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: known_queries
-- Which of these queries are accepted already.
SELECT id FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);

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
ORDER BY said.text;

-- name: current_verified
-- The current verified reward of each of these rollouts by one source.
SELECT DISTINCT ON (rollout_id) rollout_id, value FROM memreward.verified_reward
WHERE memory = %(memory)s AND source = %(source)s AND rollout_id = ANY(%(ids)s)
ORDER BY rollout_id, seq DESC;

-- name: next_seq
-- Take the next sequence number of a locked memory.
UPDATE memreward.memory SET seq = seq + 1 WHERE name = %(memory)s RETURNING seq;

-- name: add_run
-- A run is recorded once, with the batch that brought it.
INSERT INTO memreward.run (memory, name, policy, checkpoint, seq)
VALUES (%(memory)s, %(name)s, %(policy)s, %(checkpoint)s, %(seq)s)
ON CONFLICT (memory, name) DO NOTHING;

-- name: known_conclusions
-- Which of these conclusions were reached before.
SELECT id FROM memreward.conclusion WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: add_model
-- A checkpoint becomes known to the memory.
INSERT INTO memreward.model (memory, version, manifest, seq)
VALUES (%(memory)s, %(version)s, %(manifest)s, %(seq)s);

-- name: model_known
-- Whether a checkpoint is known.
SELECT 1 FROM memreward.model WHERE memory = %(memory)s AND version = %(version)s;

-- name: add_batch
-- The batch itself, with what Neo4j still has to be told and no other table says.
INSERT INTO memreward.batch (memory, seq, kind, payload, token)
VALUES (%(memory)s, %(seq)s, %(kind)s, %(payload)s, %(token)s);

-- name: batch_of_token
-- The batch that a writer has accepted under its token, if its commit went through.
SELECT seq FROM memreward.batch WHERE memory = %(memory)s AND token = %(token)s;

-- name: pending_delete
-- The delete of a run that was accepted and not carried to its end: its rows still stand here.
SELECT b.seq FROM memreward.batch AS b JOIN memreward.memory AS m ON m.name = b.memory
WHERE b.memory = %(memory)s AND b.seq > m.published_seq AND b.kind = 'delete' LIMIT 1;
