-- Conclusions are found through the queries that they belong to: no index leads from a conclusion to
-- its rollouts.

-- name: verdicts
-- Of each of these conclusions the rollout that was verified first, and its current verdict.
SELECT DISTINCT ON (r.conclusion_id) r.conclusion_id, r.id, c.value
FROM memreward.rollout AS r
JOIN LATERAL (
    SELECT min(v.seq) AS seq FROM memreward.verified_reward AS v
    WHERE v.memory = r.memory AND v.rollout_id = r.id AND v.same_as IS NULL
) AS first ON first.seq IS NOT NULL
CROSS JOIN LATERAL memreward.current_verified(%(memory)s, NULL::bigint, ARRAY[r.id], false) AS c
WHERE r.memory = %(memory)s AND r.query_id = ANY(%(queries)s)
    AND r.conclusion_id = ANY(%(conclusions)s)
ORDER BY r.conclusion_id, first.seq, r.id;

-- name: rollouts
-- The rollouts of these conclusions, the kind of their question, and whether each was verified
-- itself or has a verdict that was taken over.
SELECT r.conclusion_id, r.id, q.domain,
    EXISTS (
        SELECT 1 FROM memreward.verified_reward AS v
        WHERE v.memory = r.memory AND v.rollout_id = r.id AND v.same_as IS NULL
    ),
    EXISTS (
        SELECT 1 FROM memreward.verified_reward AS v
        WHERE v.memory = r.memory AND v.rollout_id = r.id AND v.same_as IS NOT NULL
    )
FROM memreward.rollout AS r
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
WHERE r.memory = %(memory)s AND r.query_id = ANY(%(queries)s)
    AND r.conclusion_id = ANY(%(conclusions)s)
ORDER BY r.conclusion_id, r.id;

-- name: representatives
-- A rollout of each of these conclusions.
SELECT conclusion_id, min(id) FROM memreward.rollout
WHERE memory = %(memory)s AND query_id = ANY(%(queries)s)
    AND conclusion_id = ANY(%(conclusions)s)
GROUP BY conclusion_id ORDER BY conclusion_id;

-- name: conclusions_of
-- Of which query these rollouts are, and what they conclude; those that say nothing that can be
-- compared are left out.
SELECT query_id, conclusion_id FROM memreward.rollout
WHERE memory = %(memory)s AND id = ANY(%(ids)s) AND conclusion_id IS NOT NULL;

-- name: taken_over
-- Verdicts that were taken over from these rollouts, as they are now, and what they should be.
SELECT s.rollout_id, c.value, s.run, s.same_as
FROM memreward.verified_reward AS named
CROSS JOIN LATERAL (
    SELECT rollout_id, value, run, same_as
    FROM memreward.verified_by_source(%(memory)s, NULL::bigint, ARRAY[named.rollout_id], false)
    WHERE same_as = named.same_as
) AS s
CROSS JOIN LATERAL memreward.current_verified(
    %(memory)s, NULL::bigint, ARRAY[named.same_as], false
) AS c
WHERE named.memory = %(memory)s AND named.same_as = ANY(%(ids)s) AND NOT named.audited
    AND s.value <> c.value
GROUP BY s.rollout_id, c.value, s.run, s.same_as
ORDER BY s.rollout_id;

-- name: audits
-- By kind of question, how many verdicts that were taken over were compared with a verdict on the
-- rollout itself, and how many of them agreed.
SELECT q.domain, count(*), count(*) FILTER (WHERE abs(v.value - c.value) < 1e-6)
FROM memreward.verified_reward AS v
JOIN memreward.rollout AS r ON r.memory = v.memory AND r.id = v.rollout_id
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
CROSS JOIN LATERAL memreward.current_verified(
    %(memory)s, NULL::bigint, ARRAY[v.rollout_id], false
) AS c
WHERE v.memory = %(memory)s AND v.audited
GROUP BY q.domain ORDER BY q.domain;

-- name: current_taken_over
-- Which of these rollouts have no verdict but one that was taken over, and which.
SELECT rollout_id, value
FROM memreward.current_verified(%(memory)s, NULL::bigint, %(ids)s::text[])
WHERE source = 'same_conclusion' ORDER BY rollout_id;

-- name: calls_of_run
-- Rollouts that a run had verified when it brought them.
SELECT count(DISTINCT rollout_id) FROM memreward.verified_reward
WHERE memory = %(memory)s AND run = %(run)s AND same_as IS NULL;

-- name: calls
-- Verdicts that were asked for, one a rollout and a source, and rollouts whose verdict was not.
SELECT count(DISTINCT (rollout_id, source)) FILTER (WHERE same_as IS NULL),
    count(DISTINCT rollout_id) FILTER (WHERE NOT audited)
FROM memreward.verified_reward WHERE memory = %(memory)s;
