-- name: current_verified
-- The current verified reward of these rollouts: the mean over sources of what each said last;
-- who spoke last, when, for which run; how many sources there are and how far they lie apart.
SELECT rollout_id, avg(value ORDER BY source), (array_agg(source ORDER BY seq DESC, source))[1],
    (array_agg(run ORDER BY seq DESC, source))[1], max(at), count(*), max(value) - min(value)
FROM (
    SELECT DISTINCT ON (rollout_id, source) rollout_id, source, value, run, seq, at
    FROM memreward.verified_reward
    WHERE memory = %(memory)s AND rollout_id = ANY(%(ids)s)
        AND (%(seq)s::bigint IS NULL OR seq <= %(seq)s)
    ORDER BY rollout_id, source, seq DESC
) AS latest
GROUP BY rollout_id ORDER BY rollout_id;

-- name: query_of_rollouts
-- Which of these rollouts are in the memory, and whose query they answer.
SELECT id, query_id FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: said
-- What each source said last of each of these rollouts.
SELECT DISTINCT ON (rollout_id, source) rollout_id, source, value FROM memreward.verified_reward
WHERE memory = %(memory)s AND rollout_id = ANY(%(ids)s)
ORDER BY rollout_id, source, seq DESC;

-- name: said_by
-- What each source said last of each of these rollouts, up to a sequence number.
SELECT DISTINCT ON (rollout_id, source) rollout_id, source, value FROM memreward.verified_reward
WHERE memory = %(memory)s AND rollout_id = ANY(%(ids)s) AND seq <= %(seq)s
ORDER BY rollout_id, source, seq DESC;

-- name: preferred
-- What each annotator said last of each pair in which one of these rollouts stands.
SELECT DISTINCT ON (least(better, worse), greatest(better, worse), annotator)
    better, worse, annotator, at
FROM memreward.preference
WHERE memory = %(memory)s AND (better = ANY(%(ids)s) OR worse = ANY(%(ids)s))
ORDER BY least(better, worse), greatest(better, worse), annotator, seq DESC;
