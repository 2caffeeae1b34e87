-- name: chosen
-- Rollouts that a compaction takes: nothing was verified of them, no preference names them, and of
-- one query, conclusion and policy as many that are whole stay. Those that stay anyway come first.
SELECT whole.id FROM (
    SELECT r.id, s.stays, row_number() OVER (
        PARTITION BY r.query_id, r.conclusion_id, r.policy
        ORDER BY s.stays DESC, r.seq, r.step, r.place, r.id
    ) AS number
    FROM memreward.rollout AS r
    LEFT JOIN (
        SELECT rollout_id FROM memreward.verified_reward WHERE memory = %(memory)s
        UNION SELECT better FROM memreward.preference WHERE memory = %(memory)s
        UNION SELECT worse FROM memreward.preference WHERE memory = %(memory)s
    ) AS said ON said.rollout_id = r.id
    CROSS JOIN LATERAL (SELECT said.rollout_id IS NOT NULL AS stays) AS s
    WHERE r.memory = %(memory)s AND r.forgotten_seq IS NULL
) AS whole
WHERE NOT whole.stays AND whole.number > %(keep)s
ORDER BY whole.id;

-- name: counts
-- How many rollouts a memory has, and how many of them are forgotten.
SELECT count(*), count(*) FILTER (WHERE forgotten_seq IS NOT NULL)
FROM memreward.rollout WHERE memory = %(memory)s;

-- name: sizes
-- Bytes of the thinkings and of the embeddings of these rollouts, as Postgres stores them.
SELECT coalesce(sum(pg_column_size(thinking)), 0)::bigint, coalesce(sum(
    pg_column_size(thinking_embedding) + pg_column_size(answer_embedding)
), 0)::bigint
FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: table_size
-- Bytes of the table of rollouts on disk, those of all memories, with its indexes.
SELECT pg_total_relation_size('memreward.rollout');

-- name: clear
-- What an earlier compaction chose and did not forget.
DELETE FROM memreward.to_forget WHERE memory = %(memory)s;

-- name: texts
-- All that the features of these rollouts are made of, and the domain of their queries.
SELECT r.id, q.text, r.thinking, r.answer, q.domain, c.key
FROM memreward.rollout AS r
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
LEFT JOIN memreward.conclusion AS c ON c.memory = r.memory AND c.id = r.conclusion_id
WHERE r.memory = %(memory)s AND r.id = ANY(%(ids)s) ORDER BY r.id;

-- name: kept
-- What is kept of the rollouts that are forgotten already.
SELECT id, kept_features, thinking_characters FROM memreward.rollout
WHERE memory = %(memory)s AND forgotten_seq IS NOT NULL ORDER BY id;

-- name: spare
-- What was said since, or went with its run, is not forgotten.
DELETE FROM memreward.to_forget AS f
WHERE f.memory = %(memory)s AND (
    EXISTS (SELECT 1 FROM memreward.verified_reward AS v
            WHERE v.memory = f.memory AND v.rollout_id = f.rollout_id)
    OR EXISTS (SELECT 1 FROM memreward.preference AS p
               WHERE p.memory = f.memory AND f.rollout_id IN (p.better, p.worse))
    OR NOT EXISTS (SELECT 1 FROM memreward.rollout AS r
                   WHERE r.memory = f.memory AND r.id = f.rollout_id)
) AND NOT EXISTS (
    SELECT 1 FROM memreward.rollout AS r
    WHERE r.memory = f.memory AND r.id = f.rollout_id AND r.forgotten_seq IS NOT NULL
);

-- name: to_tell
-- A page of the rollouts that are about to be forgotten, and whether their thinking stays.
SELECT f.rollout_id, f.keeps_thinking FROM memreward.to_forget AS f
JOIN memreward.rollout AS r ON r.memory = f.memory AND r.id = f.rollout_id
WHERE f.memory = %(memory)s AND r.forgotten_seq IS NULL AND f.rollout_id > %(after)s
ORDER BY f.rollout_id LIMIT %(limit)s;

-- name: count_new
-- How many rollouts are about to be forgotten that are whole now.
SELECT count(*) FROM memreward.to_forget AS f
JOIN memreward.rollout AS r ON r.memory = f.memory AND r.id = f.rollout_id
WHERE f.memory = %(memory)s AND r.forgotten_seq IS NULL;

-- name: forget_rollouts
-- They are forgotten; those that were already get their features by the names of now.
UPDATE memreward.rollout AS r
SET thinking = CASE WHEN f.keeps_thinking THEN r.thinking ELSE '' END,
    thinking_embedding = NULL,
    answer_embedding = NULL,
    kept_features = f.kept_features,
    thinking_characters = f.thinking_characters,
    forgotten_seq = coalesce(r.forgotten_seq, %(seq)s)
FROM memreward.to_forget AS f
WHERE r.memory = %(memory)s AND f.memory = r.memory AND f.rollout_id = r.id;

-- name: name_features
-- What the kept features are called.
UPDATE memreward.memory SET feature_names = %(names)s WHERE name = %(memory)s;

-- name: shrink
-- The table is written anew without what is gone; nobody can use it meanwhile.
VACUUM (FULL, ANALYZE) memreward.rollout;
