-- name: tombstone
-- The memory is going: no reader or writer may use it any more.
UPDATE memreward.memory SET deleted_at = now() WHERE name = %(memory)s AND deleted_at IS NULL;

-- name: going
-- The incarnation that is going, if one is.
SELECT incarnation::text FROM memreward.memory
WHERE name = %(memory)s AND deleted_at IS NOT NULL;

-- name: may_delete
-- Whether this session still holds its locks and the memory is still the one that is going.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND deleted_at IS NOT NULL
);

-- name: tombstones
-- Memories whose removal has been accepted and not finished.
SELECT name FROM memreward.memory WHERE deleted_at IS NOT NULL ORDER BY name;

-- name: delete_similar
-- All similarity edges of a memory.
DELETE FROM memreward.similar_to WHERE memory = %(memory)s;

-- name: delete_propagated
-- All propagated rewards of a memory.
DELETE FROM memreward.propagated_reward WHERE memory = %(memory)s;

-- name: delete_verified
-- All verified rewards of a memory.
DELETE FROM memreward.verified_reward WHERE memory = %(memory)s;

-- name: delete_preferences
-- All preferences of a memory.
DELETE FROM memreward.preference WHERE memory = %(memory)s;

-- name: delete_new_embeddings
-- Embeddings that were being made anew.
DELETE FROM memreward.new_embedding WHERE memory = %(memory)s;

-- name: delete_policy_embeddings
-- All policy embeddings of a memory.
DELETE FROM memreward.policy_embedding WHERE memory = %(memory)s;

-- name: delete_rollouts
-- All rollouts of a memory.
DELETE FROM memreward.rollout WHERE memory = %(memory)s;

-- name: delete_conclusions
-- All conclusions of a memory.
DELETE FROM memreward.conclusion WHERE memory = %(memory)s;

-- name: delete_queries
-- All queries of a memory.
DELETE FROM memreward.query WHERE memory = %(memory)s;

-- name: delete_models
-- All checkpoints known to a memory.
DELETE FROM memreward.model WHERE memory = %(memory)s;

-- name: delete_runs
-- All runs of a memory.
DELETE FROM memreward.run WHERE memory = %(memory)s;

-- name: delete_batches
-- The history of a memory.
DELETE FROM memreward.batch WHERE memory = %(memory)s;

-- name: delete_memory
-- The memory itself.
DELETE FROM memreward.memory WHERE name = %(memory)s;

-- name: vacuum
-- Rows that were deleted no longer stand in the way; tables that somebody else is at are left out.
VACUUM (ANALYZE, SKIP_LOCKED) memreward.similar_to, memreward.propagated_reward,
    memreward.verified_reward, memreward.preference, memreward.policy_embedding,
    memreward.rollout, memreward.conclusion, memreward.query;
