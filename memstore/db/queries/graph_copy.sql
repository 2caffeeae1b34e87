-- name: current_propagated
-- The propagated reward of each rollout at a sequence number.
SELECT DISTINCT ON (rollout_id) rollout_id, value, confidence, model, at
FROM memreward.propagated_reward WHERE memory = %(memory)s AND seq <= %(seq)s
ORDER BY rollout_id, seq DESC;

-- name: verified_ids
-- Rollouts of which something was verified until then.
SELECT DISTINCT rollout_id FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq <= %(seq)s
ORDER BY rollout_id;

-- name: current_preferences
-- The latest word of each annotator on each pair until then.
SELECT DISTINCT ON (least(better, worse), greatest(better, worse), annotator)
    better, worse, annotator, at, seq
FROM memreward.preference WHERE memory = %(memory)s AND seq <= %(seq)s
ORDER BY least(better, worse), greatest(better, worse), annotator, seq DESC;
