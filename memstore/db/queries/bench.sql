-- name: seq_of_rollout
-- The batch that brought a rollout.
SELECT seq FROM memreward.rollout WHERE memory = %(memory)s AND id = %(id)s;
