-- name: begin
-- The memory, which nobody sees until it is whole.
INSERT INTO memreward.memory (
    name, encoder, dimension, neighbours, seq, published_seq, linked_seq, generation,
    published_generation, created_at, encoder_path, importing
) VALUES (
    %(memory)s, %(encoder)s, %(dimension)s, %(neighbours)s, %(seq)s, %(seq)s, %(linked_seq)s,
    %(generation)s, %(generation)s, %(created_at)s, %(encoder_path)s, true
)
ON CONFLICT (name) DO NOTHING RETURNING incarnation::text;

-- name: standing
-- Whether there is a memory of that name, and whether it is an import that was cut off.
SELECT importing FROM memreward.memory WHERE name = %(memory)s;

-- name: may_import
-- Whether the memory that is being imported is still there.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND importing
        AND deleted_at IS NULL
);

-- name: finish
-- The memory is whole: everybody may see it.
UPDATE memreward.memory SET importing = false
WHERE name = %(memory)s AND incarnation::text = %(incarnation)s;

-- name: batches
-- The history.
COPY memreward.batch (memory, seq, kind, accepted_at, published_at) FROM STDIN (FORMAT BINARY);

-- name: runs
-- Runs.
COPY memreward.run (memory, name, policy, checkpoint, seq) FROM STDIN (FORMAT BINARY);

-- name: queries
-- Queries.
COPY memreward.query (memory, id, dataset, domain, embedding, seq, text)
FROM STDIN (FORMAT BINARY);

-- name: conclusions
-- What answers say.
COPY memreward.conclusion (memory, id, key, seq) FROM STDIN (FORMAT BINARY);

-- name: rollouts
-- Rollouts.
COPY memreward.rollout (
    memory, id, query_id, run, source_query_id, step, place, content_hash, policy, checkpoint,
    conclusion_id, completion_tokens, truncated, policy_signals, thinking_embedding,
    answer_embedding, seq, thinking, answer
) FROM STDIN (FORMAT BINARY);

-- name: policy_embeddings
-- The policy's own embeddings.
COPY memreward.policy_embedding (memory, rollout_id, policy, layer, embedding, seq)
FROM STDIN (FORMAT BINARY);

-- name: verified
-- Verified rewards.
COPY memreward.verified_reward (memory, rollout_id, seq, source, value, run, at)
FROM STDIN (FORMAT BINARY);

-- name: preferences
-- Preferences.
COPY memreward.preference (memory, better, worse, annotator, seq, at) FROM STDIN (FORMAT BINARY);

-- name: models
-- Known checkpoints.
COPY memreward.model (memory, version, manifest, seq, created_at) FROM STDIN (FORMAT BINARY);

-- name: propagated
-- Propagated rewards.
COPY memreward.propagated_reward (memory, rollout_id, seq, value, confidence, model, at)
FROM STDIN (FORMAT BINARY);

-- name: similar
-- Similarity edges.
COPY memreward.similar_to (memory, generation, query_id, neighbour_id, rank, score, seq)
FROM STDIN (FORMAT BINARY);

-- name: query_texts
-- Texts of these queries.
SELECT id, text FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);
