-- name: drop_other_versions
-- Keys that another version of memreward began to make.
DELETE FROM memreward.new_key WHERE memory = %(memory)s AND version <> %(version)s;

-- name: left
-- How many rollouts have no new key yet.
SELECT (SELECT count(*) FROM memreward.rollout WHERE memory = %(memory)s)
    - (SELECT count(*) FROM memreward.new_key WHERE memory = %(memory)s);

-- name: rollouts_to_do
-- A page of rollouts without a new key, with all that a key is made of; those of one query together.
SELECT r.query_id, r.id, q.text, r.thinking, r.answer, q.domain
FROM memreward.rollout AS r
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
WHERE r.memory = %(memory)s AND (r.query_id, r.id) > (%(query_id)s, %(rollout_id)s)
    AND NOT EXISTS (
        SELECT 1 FROM memreward.new_key AS n WHERE n.memory = r.memory AND n.rollout_id = r.id
    )
ORDER BY r.query_id, r.id LIMIT %(limit)s;

-- name: count_changed
-- How many rollouts come to another conclusion.
SELECT count(*) FROM memreward.rollout AS r
JOIN memreward.new_key AS n ON n.memory = r.memory AND n.rollout_id = r.id
WHERE r.memory = %(memory)s AND n.conclusion_id IS DISTINCT FROM r.conclusion_id;

-- name: conclusions_to_tell
-- Conclusions that are new, or that another batch is now the first to reach.
SELECT new.id, new.key, new.seq FROM memreward.new_conclusions(%(memory)s) AS new
LEFT JOIN memreward.conclusion AS c ON c.memory = %(memory)s AND c.id = new.id
WHERE c.seq IS DISTINCT FROM new.seq ORDER BY new.id;

-- name: rollouts_to_move
-- Rollouts that come to another conclusion: from which to which (NULL: none), and their batch.
SELECT r.id, r.conclusion_id, n.conclusion_id, r.seq FROM memreward.rollout AS r
JOIN memreward.new_key AS n ON n.memory = r.memory AND n.rollout_id = r.id
WHERE r.memory = %(memory)s AND n.conclusion_id IS DISTINCT FROM r.conclusion_id
ORDER BY r.query_id, r.id;

-- name: conclusions_to_remove
-- Conclusions that no rollout comes to by the new keys.
SELECT c.id FROM memreward.conclusion AS c
WHERE c.memory = %(memory)s AND NOT EXISTS (
    SELECT 1 FROM memreward.new_key AS n
    WHERE n.memory = c.memory AND n.conclusion_id = c.id
)
ORDER BY c.id;

-- name: write_conclusions
-- The new keys' conclusions become conclusions.
INSERT INTO memreward.conclusion AS c (memory, id, key, seq)
SELECT %(memory)s, id, key, seq FROM memreward.new_conclusions(%(memory)s)
ON CONFLICT (memory, id) DO UPDATE SET seq = EXCLUDED.seq WHERE c.seq <> EXCLUDED.seq;

-- name: move_rollouts
-- Rollouts come to the conclusions of the new keys.
UPDATE memreward.rollout AS r SET conclusion_id = n.conclusion_id
FROM memreward.new_key AS n
WHERE r.memory = %(memory)s AND n.memory = r.memory AND n.rollout_id = r.id
    AND n.conclusion_id IS DISTINCT FROM r.conclusion_id;

-- name: remove_conclusions
-- Conclusions that no rollout comes to any more.
DELETE FROM memreward.conclusion AS c
WHERE c.memory = %(memory)s AND NOT EXISTS (
    SELECT 1 FROM memreward.rollout AS r
    WHERE r.memory = c.memory AND r.conclusion_id = c.id
);

-- name: stamp
-- The memory has keys of this version.
UPDATE memreward.memory SET keys_version = %(version)s WHERE name = %(memory)s;

-- name: drop_new_keys
-- They are in force now.
DELETE FROM memreward.new_key WHERE memory = %(memory)s;
