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
-- New embeddings of an unfinished re-embedding.
DELETE FROM memreward.new_embedding WHERE memory = %(memory)s;

-- name: delete_new_keys
-- New conclusion keys of an unfinished rekeying.
DELETE FROM memreward.new_key WHERE memory = %(memory)s;

-- name: delete_to_forget
-- What an unfinished compaction chose.
DELETE FROM memreward.to_forget WHERE memory = %(memory)s;

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

-- name: delete_policies
-- All policies of a memory.
DELETE FROM memreward.policy WHERE memory = %(memory)s;

-- name: delete_sources
-- All sources of a memory.
DELETE FROM memreward.source WHERE memory = %(memory)s;

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

-- name: run_known
-- Whether a run is in the memory.
SELECT 1 FROM memreward.run WHERE memory = %(memory)s AND name = %(run)s;

-- name: rollouts_of_run
-- Ids of the rollouts that go with the run.
SELECT id FROM memreward.rollout WHERE memory = %(memory)s AND run = %(run)s ORDER BY id;

-- name: queries_of_run
-- Ids of the queries that no other run has answered.
SELECT DISTINCT query_id FROM memreward.rollout AS r
WHERE memory = %(memory)s AND run = %(run)s AND NOT EXISTS (
    SELECT 1 FROM memreward.rollout AS o
    WHERE o.memory = r.memory AND o.query_id = r.query_id AND o.run <> r.run
)
ORDER BY query_id;

-- name: conclusions_of_run
-- Ids of the conclusions that no other run has reached.
SELECT DISTINCT conclusion_id FROM memreward.rollout AS r
WHERE memory = %(memory)s AND run = %(run)s AND conclusion_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM memreward.rollout AS o
    WHERE o.memory = r.memory AND o.query_id = r.query_id AND o.run <> r.run
        AND o.conclusion_id = r.conclusion_id
)
ORDER BY conclusion_id;

-- name: policies_of_run
-- Names of the policies that have answered in no other run.
SELECT policy FROM memreward.rollout
WHERE memory = %(memory)s AND run = %(run)s AND policy IS NOT NULL
EXCEPT
SELECT policy FROM memreward.rollout WHERE memory = %(memory)s AND run <> %(run)s
ORDER BY policy;

-- name: sources_of_run
-- Names of the sources that have verified answers of no other run.
SELECT v.source FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
WHERE r.memory = %(memory)s AND r.run = %(run)s
EXCEPT
SELECT v.source FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
WHERE r.memory = %(memory)s AND r.run <> %(run)s
ORDER BY source;

-- name: counts_of_run
-- Verified rewards, propagated rewards and preferences that go with the run, history included.
SELECT
    (SELECT count(*) FROM memreward.verified_reward AS v
     JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
     WHERE r.memory = %(memory)s AND r.run = %(run)s),
    (SELECT count(*) FROM memreward.propagated_reward AS p
     JOIN memreward.rollout AS r ON r.memory = p.memory AND r.id = p.rollout_id
     WHERE r.memory = %(memory)s AND r.run = %(run)s),
    (SELECT count(*) FROM memreward.preference AS p WHERE p.memory = %(memory)s AND EXISTS (
        SELECT 1 FROM memreward.rollout AS r
        WHERE r.memory = p.memory AND r.run = %(run)s AND r.id IN (p.better, p.worse)));

-- name: edges_of_queries
-- Similarity edges of the current generation from or to these queries.
SELECT count(*) FROM memreward.similar_to AS s
JOIN memreward.memory AS m ON m.name = s.memory AND m.generation = s.generation
WHERE s.memory = %(memory)s AND (s.query_id = ANY(%(ids)s) OR s.neighbour_id = ANY(%(ids)s));

-- name: counts_of_memory
-- Runs, rollouts, queries, conclusions, verified and propagated rewards, preferences, edges and
-- models of a memory.
SELECT
    (SELECT count(*) FROM memreward.run WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.rollout WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.query WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.conclusion WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.verified_reward WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.propagated_reward WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.preference WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.similar_to WHERE memory = %(memory)s),
    (SELECT count(*) FROM memreward.model WHERE memory = %(memory)s);

-- name: remove_verified
-- Verified rewards of the run's rollouts.
DELETE FROM memreward.verified_reward WHERE memory = %(memory)s AND rollout_id = ANY(%(rollouts)s);

-- name: remove_propagated
-- Propagated rewards of the run's rollouts.
DELETE FROM memreward.propagated_reward
WHERE memory = %(memory)s AND rollout_id = ANY(%(rollouts)s);

-- name: remove_preferences
-- Preferences that name one of the run's rollouts.
DELETE FROM memreward.preference
WHERE memory = %(memory)s AND (better = ANY(%(rollouts)s) OR worse = ANY(%(rollouts)s));

-- name: remove_policy_embeddings
-- Policy embeddings of the run's rollouts.
DELETE FROM memreward.policy_embedding
WHERE memory = %(memory)s AND rollout_id = ANY(%(rollouts)s);

-- name: remove_new_embeddings
-- New embeddings of an unfinished re-embedding.
DELETE FROM memreward.new_embedding
WHERE memory = %(memory)s AND (id = ANY(%(rollouts)s) OR id = ANY(%(queries)s));

-- name: remove_new_keys
-- New conclusion keys of an unfinished rekeying.
DELETE FROM memreward.new_key WHERE memory = %(memory)s AND rollout_id = ANY(%(rollouts)s);

-- name: remove_to_forget
-- What an unfinished compaction chose.
DELETE FROM memreward.to_forget WHERE memory = %(memory)s AND rollout_id = ANY(%(rollouts)s);

-- name: remove_rollouts
-- The run's rollouts.
DELETE FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(rollouts)s);

-- name: remove_conclusions
-- Conclusions that no rollout reaches any more.
DELETE FROM memreward.conclusion WHERE memory = %(memory)s AND id = ANY(%(conclusions)s);

-- name: remove_similar
-- Similarity edges from and to queries that go.
DELETE FROM memreward.similar_to
WHERE memory = %(memory)s AND (query_id = ANY(%(queries)s) OR neighbour_id = ANY(%(queries)s));

-- name: remove_queries
-- Queries that no rollout answers any more.
DELETE FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(queries)s);

-- name: remove_policies
-- Policies of which no answer is left.
DELETE FROM memreward.policy WHERE memory = %(memory)s AND name = ANY(%(policies)s);

-- name: remove_sources
-- Sources that have verified nothing that is left.
DELETE FROM memreward.source WHERE memory = %(memory)s AND name = ANY(%(sources)s);

-- name: remove_run
-- The run itself.
DELETE FROM memreward.run WHERE memory = %(memory)s AND name = %(run)s;
