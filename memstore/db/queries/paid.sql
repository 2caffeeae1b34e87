-- name: paid_queries
-- Queries of which at least one rollout was verified, with who paid first: the run, the source and
-- when. Verified rewards are never removed but with their rollouts, so this is what was spent.
SELECT DISTINCT ON (r.query_id) r.query_id, v.run, v.source, v.at
FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
WHERE v.memory = %(memory)s
ORDER BY r.query_id, v.seq, v.source;
