-- name: memories
-- All memories.
SELECT name FROM memreward.memory WHERE deleted_at IS NULL AND NOT importing ORDER BY name;

-- name: query_embeddings
-- Embeddings of all queries up to a sequence number.
SELECT id, embedding FROM memreward.query
WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY id;

-- name: rollout_features
-- Embeddings and numbers of all rollouts up to a sequence number.
SELECT id, thinking_embedding, answer_embedding, completion_tokens, truncated, policy_signals
FROM memreward.rollout WHERE memory = %(memory)s AND seq <= %(seq)s ORDER BY id;

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
-- The current verified reward of each rollout up to a sequence number: the mean over sources of
-- what each said last.
SELECT rollout_id, avg(value ORDER BY source) FROM (
    SELECT DISTINCT ON (rollout_id, source) rollout_id, source, value
    FROM memreward.verified_reward WHERE memory = %(memory)s AND seq <= %(seq)s
    ORDER BY rollout_id, source, seq DESC
) AS latest
GROUP BY rollout_id;

-- name: current_preferences
-- What each annotator said last of each pair, up to a sequence number.
SELECT better, worse FROM (
    SELECT DISTINCT ON (least(better, worse), greatest(better, worse), annotator)
        better, worse, annotator
    FROM memreward.preference WHERE memory = %(memory)s AND seq <= %(seq)s
    ORDER BY least(better, worse), greatest(better, worse), annotator, seq DESC
) AS latest
ORDER BY better, worse, annotator;

-- name: similar_rows
-- Similarity edges of the current generation.
SELECT s.query_id, s.neighbour_id, s.score FROM memreward.similar_to AS s
JOIN memreward.memory AS m ON m.name = s.memory AND m.generation = s.generation
WHERE s.memory = %(memory)s ORDER BY 1, 2;

-- name: models
-- Checkpoints known to a memory, the latest first.
SELECT version, manifest, created_at FROM memreward.model
WHERE memory = %(memory)s ORDER BY seq DESC;

-- name: removals
-- The last accepted and the last published batch that takes rows away or replaces them.
SELECT coalesce(max(seq), 0), coalesce(max(seq) FILTER (WHERE published_at IS NOT NULL), 0)
FROM memreward.batch WHERE memory = %(memory)s AND kind IN ('delete', 'reembed');
