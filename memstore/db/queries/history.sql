-- name: rollout
-- Where a rollout stands.
SELECT query_id, run, source_query_id, step, place, policy, checkpoint, seq
FROM memreward.rollout WHERE memory = %(memory)s AND id = %(rollout)s;

-- name: seq_at
-- The last batch that was accepted by a moment.
SELECT coalesce(max(seq), 0) FROM memreward.batch
WHERE memory = %(memory)s AND accepted_at <= %(at)s;

-- name: verified
-- What was verified of a rollout, in order.
SELECT seq, at, source, value, run FROM memreward.verified_reward
WHERE memory = %(memory)s AND rollout_id = %(rollout)s AND seq <= %(seq)s ORDER BY seq, source;

-- name: propagated
-- What models concluded about a rollout, in order.
SELECT seq, at, model, value, confidence FROM memreward.propagated_reward
WHERE memory = %(memory)s AND rollout_id = %(rollout)s AND seq <= %(seq)s ORDER BY seq;

-- name: preferences
-- Preferences in which a rollout stands, in order.
SELECT seq, at, annotator, better, worse FROM memreward.preference
WHERE memory = %(memory)s AND (better = %(rollout)s OR worse = %(rollout)s) AND seq <= %(seq)s
ORDER BY seq, annotator, better;
