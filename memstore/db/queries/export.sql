-- name: memory
-- What a memory is stamped with.
SELECT encoder, dimension, neighbours, linked_seq, created_at, encoder_path
FROM memreward.memory WHERE name = %(memory)s;

-- name: batches
-- The history of the memory.
SELECT seq, kind, accepted_at, published_at FROM memreward.batch
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq;

-- name: runs
-- Its runs.
SELECT name, policy, checkpoint, seq FROM memreward.run
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, name;

-- name: queries
-- Its queries.
SELECT id, dataset, domain, embedding, seq, text FROM memreward.query
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, id;

-- name: conclusions
-- What its answers say.
SELECT id, key, seq FROM memreward.conclusion
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, id;

-- name: rollouts
-- Its rollouts.
SELECT id, query_id, run, source_query_id, step, place, content_hash, policy, checkpoint,
    conclusion_id, completion_tokens, truncated, policy_signals, thinking_embedding,
    answer_embedding, seq, thinking, answer
FROM memreward.rollout WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, id;

-- name: policy_embeddings
-- The policy's own embeddings.
SELECT rollout_id, policy, layer, embedding, seq FROM memreward.policy_embedding
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, rollout_id, policy, layer;

-- name: verified
-- Everything that was verified.
SELECT rollout_id, seq, source, value, run, at FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, rollout_id, source;

-- name: preferences
-- All preferences.
SELECT better, worse, annotator, seq, at FROM memreward.preference
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, better, worse, annotator;

-- name: models
-- Known checkpoints.
SELECT version, manifest::text, seq, created_at FROM memreward.model
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, version;

-- name: propagated
-- Everything that models concluded.
SELECT rollout_id, seq, value, confidence, model, at FROM memreward.propagated_reward
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY seq, rollout_id;

-- name: similar
-- Similarity edges of the published generation.
SELECT query_id, neighbour_id, rank, score, seq FROM memreward.similar_to
WHERE memory = %(memory)s AND seq <= %(seq)s AND generation = %(generation)s
ORDER BY seq, query_id, neighbour_id;
