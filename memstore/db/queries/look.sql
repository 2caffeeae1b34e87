-- name: begin
-- Reads only, and not for long: somebody waits in front of a page. Each statement is planned for what
-- it is given: a plan for any list of ids takes one of 20,000 for a few.
SELECT set_config('transaction_read_only', 'on', true),
    set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('statement_timeout', %(timeout_ms)s::text, true);

-- name: memories
-- The memories that can be read, with their last accepted and last published batch.
SELECT name, encoder, seq, published_seq, created_at FROM memreward.memory
WHERE deleted_at IS NULL AND NOT importing ORDER BY name;

-- name: when_accepted
-- When a batch was accepted.
SELECT accepted_at FROM memreward.batch WHERE memory = %(memory)s AND seq = %(seq)s;

-- name: datasets
-- The data sets of a memory, without reading every query: each step jumps to the next name.
WITH RECURSIVE named AS (
    (SELECT min(dataset) AS dataset FROM memreward.query WHERE memory = %(memory)s)
    UNION ALL
    SELECT (
        SELECT min(q.dataset) FROM memreward.query AS q
        WHERE q.memory = %(memory)s AND q.dataset > named.dataset
    )
    FROM named WHERE named.dataset IS NOT NULL
)
SELECT dataset FROM named WHERE dataset IS NOT NULL LIMIT 200;

-- name: runs
-- The runs of a memory.
SELECT name FROM memreward.run WHERE memory = %(memory)s ORDER BY seq DESC, name LIMIT 500;

-- name: policies
-- The policies of a memory.
SELECT name FROM memreward.policy WHERE memory = %(memory)s ORDER BY name LIMIT 500;

-- name: query_page
-- Queries up to a sequence number, the newest first, after one of them; the head of each text and
-- the cosine of the nearest other query. A text, ids, a data set, a run and a policy
-- narrow them.
SELECT q.id, q.seq, q.dataset, q.domain, left(q.text, %(head)s), (
    SELECT max(s.score) FROM memreward.similar_to AS s
    WHERE s.memory = q.memory AND s.generation = %(generation)s AND s.query_id = q.id
        AND s.seq <= %(seq)s
)
FROM memreward.query AS q
WHERE q.memory = %(memory)s AND q.seq <= least(%(seq)s::bigint, %(before_seq)s::bigint)
    AND (q.seq, q.id) < (%(before_seq)s, %(before_id)s)
    AND (%(pattern)s::text IS NULL OR q.text ILIKE %(pattern)s)
    AND (%(ids)s::text[] IS NULL OR q.id = ANY(%(ids)s::text[]))
    AND (%(dataset)s::text IS NULL OR q.dataset = %(dataset)s)
    AND ((%(run)s::text IS NULL AND %(policy)s::text IS NULL) OR EXISTS (
        SELECT 1 FROM memreward.rollout AS r
        WHERE r.memory = q.memory AND r.query_id = q.id AND r.seq <= %(seq)s
            AND (%(run)s::text IS NULL OR r.run = %(run)s)
            AND (%(policy)s::text IS NULL OR r.policy = %(policy)s)
    ))
ORDER BY q.seq DESC, q.id DESC LIMIT %(limit)s;

-- name: rollouts_of_queries
-- The first rollouts of each of these queries up to a sequence number, without their texts, and how
-- many there are.
SELECT q.id, r.id, r.run, r.policy, r.step, r.conclusion_id, r.forgotten, r.total
FROM unnest(%(queries)s::text[]) AS q (id)
CROSS JOIN LATERAL (
    SELECT id, run, policy, step, conclusion_id, place, forgotten_seq IS NOT NULL AS forgotten,
        count(*) OVER () AS total
    FROM memreward.rollout
    WHERE memory = %(memory)s AND query_id = q.id AND seq <= %(seq)s
    ORDER BY run, step, place, id LIMIT %(most)s
) AS r
ORDER BY q.id, r.run, r.step, r.place, r.id;

-- name: verified
-- The current verified rewards of these rollouts up to a sequence number.
SELECT rollout_id, value, source
FROM memreward.current_verified(%(memory)s, %(seq)s::bigint, %(ids)s::text[]);

-- name: propagated
-- The current propagated rewards of these rollouts up to a sequence number.
SELECT rollout_id, value, confidence, model
FROM memreward.current_propagated(%(memory)s, %(seq)s::bigint, %(ids)s::text[]);

-- name: query
-- One query with its whole text.
SELECT seq, dataset, domain, text FROM memreward.query
WHERE memory = %(memory)s AND id = %(query)s AND seq <= %(seq)s;

-- name: neighbours
-- The nearest neighbours of a query, the nearest first.
SELECT s.neighbour_id, s.score, left(q.text, %(head)s)
FROM memreward.similar_to AS s
JOIN memreward.query AS q ON q.memory = s.memory AND q.id = s.neighbour_id
WHERE s.memory = %(memory)s AND s.generation = %(generation)s AND s.query_id = %(query)s
    AND s.seq <= %(seq)s
ORDER BY s.score DESC, s.neighbour_id LIMIT %(limit)s;

-- name: conclusions
-- What the rollouts of a query conclude, the most frequent first. NULL: nothing was found.
SELECT r.conclusion_id, left(min(c.key), %(head)s), count(*)
FROM memreward.rollout AS r
LEFT JOIN memreward.conclusion AS c ON c.memory = r.memory AND c.id = r.conclusion_id
WHERE r.memory = %(memory)s AND r.query_id = %(query)s AND r.seq <= %(seq)s
GROUP BY r.conclusion_id
ORDER BY r.conclusion_id IS NULL, count(*) DESC, r.conclusion_id;

-- name: rollouts_of_conclusions
-- Rollouts of a query by conclusion, a few of each, with the heads of their texts.
SELECT r.conclusion_id, r.id, r.run, r.policy, r.step,
    left(r.thinking, %(head)s), left(r.answer, %(head)s),
    length(r.thinking), length(r.answer), r.forgotten_seq IS NOT NULL
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY conclusion_id ORDER BY run, step, place, id
    ) AS number
    FROM memreward.rollout
    WHERE memory = %(memory)s AND query_id = %(query)s AND seq <= %(seq)s
) AS r
WHERE r.number > %(skip)s AND r.number <= %(skip)s + %(most)s
    AND coalesce(r.conclusion_id, '') = ANY(%(conclusions)s::text[])
ORDER BY r.conclusion_id, r.number;

-- name: group_history
-- What was said last of the rollouts of a query, the latest first; a row a preference, too.
SELECT * FROM (
    SELECT v.seq, v.at, 'verified' AS kind, v.source AS who, v.rollout_id, v.value,
        NULL::double precision AS confidence, NULL::text AS other
    FROM memreward.rollout AS r
    JOIN memreward.verified_reward AS v ON v.memory = r.memory AND v.rollout_id = r.id
    WHERE r.memory = %(memory)s AND r.query_id = %(query)s AND v.seq <= %(seq)s
    UNION ALL
    SELECT p.seq, p.at, 'propagated', p.model, p.rollout_id, p.value, p.confidence, NULL
    FROM memreward.rollout AS r
    JOIN memreward.propagated_reward AS p ON p.memory = r.memory AND p.rollout_id = r.id
    WHERE r.memory = %(memory)s AND r.query_id = %(query)s AND p.seq <= %(seq)s
    UNION ALL
    SELECT f.seq, f.at, 'preferred', f.annotator, f.better, NULL, NULL, f.worse
    FROM memreward.rollout AS r
    JOIN memreward.preference AS f ON f.memory = r.memory AND f.better = r.id
    WHERE r.memory = %(memory)s AND r.query_id = %(query)s AND f.seq <= %(seq)s
) AS said
ORDER BY seq DESC, kind, who, rollout_id LIMIT %(limit)s;

-- name: rollout
-- One rollout with its whole texts and what its conclusion is.
SELECT r.query_id, q.dataset, q.domain, left(q.text, %(head)s), r.run, r.source_query_id, r.step,
    r.place, r.policy, r.checkpoint, r.conclusion_id, left(c.key, %(head)s), r.completion_tokens,
    r.finish_reason, r.thinking, r.answer, r.forgotten_seq IS NOT NULL, r.seq
FROM memreward.rollout AS r
JOIN memreward.query AS q ON q.memory = r.memory AND q.id = r.query_id
LEFT JOIN memreward.conclusion AS c ON c.memory = r.memory AND c.id = r.conclusion_id
WHERE r.memory = %(memory)s AND r.id = %(rollout)s;

-- name: expect_many
-- Postgres cannot tell how many rewards are current, takes them for a few, and would look each of
-- their rollouts up; from here on it joins them at once.
SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true);

-- name: run_policies
-- What each policy brought in each run (NULL: all of them), the latest runs first.
SELECT b.run, b.policy, b.rollouts, b.first_step, b.last_step, b.tokens
FROM (
    SELECT run, policy, count(*) AS rollouts, min(step) AS first_step, max(step) AS last_step,
        avg(completion_tokens)::double precision AS tokens
    FROM memreward.rollout
    WHERE memory = %(memory)s AND seq <= %(seq)s AND (%(run)s::text IS NULL OR run = %(run)s)
    GROUP BY run, policy
) AS b
JOIN memreward.run AS u ON u.memory = %(memory)s AND u.name = b.run
ORDER BY u.seq DESC, b.run, b.policy NULLS FIRST LIMIT %(limit)s;

-- name: verified_sums
-- Of each policy in each run, sums over queries of how many rollouts are verified (n) and of their
-- rewards (s): what the accuracy and its interval are made of. Of these rollouts; NULL: of all.
SELECT run, policy, count(*), sum(n)::bigint, sum(s), sum(s * s), sum(s * n), sum(n * n)::bigint
FROM (
    SELECT r.run, r.policy, count(*) AS n, sum(v.value) AS s
    FROM memreward.current_verified(%(memory)s, %(seq)s::bigint, %(ids)s::text[]) AS v
    JOIN memreward.rollout AS r ON r.memory = %(memory)s AND r.id = v.rollout_id
    GROUP BY r.query_id, r.run, r.policy
) AS by_query
GROUP BY run, policy;

-- name: newly_verified
-- Rollouts of which something was said after one batch and up to another.
SELECT rollout_id FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq > %(low)s AND seq <= %(high)s LIMIT %(limit)s;

-- name: rollouts_beside
-- All rollouts of the queries of these.
SELECT r.id FROM memreward.rollout AS r
WHERE r.memory = %(memory)s AND r.seq <= %(seq)s AND r.query_id = ANY(
    SELECT query_id FROM memreward.rollout WHERE memory = %(memory)s AND id = ANY(%(ids)s::text[])
);

-- name: deletes
-- Whether a batch after this one took something out of the memory.
SELECT 1 FROM memreward.batch
WHERE memory = %(memory)s AND seq > %(after)s AND kind = 'delete' LIMIT 1;

-- name: run_calls
-- By the run that asked: verdicts that it asked for, and those that it took over instead.
SELECT run, count(*) FILTER (WHERE same_as IS NULL),
    count(*) FILTER (WHERE same_as IS NOT NULL AND NOT coalesce(audited, false))
FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq <= %(seq)s AND run IS NOT NULL
GROUP BY run;

-- name: run_audits
-- By run: verdicts taken over that were compared with a verdict on the rollout itself, and how many
-- of them agree.
SELECT v.run, count(*), count(*) FILTER (WHERE abs(v.value - own.value) < 1e-6)
FROM memreward.verified_reward AS v
CROSS JOIN LATERAL memreward.current_verified(
    %(memory)s, %(seq)s::bigint, ARRAY[v.rollout_id], false
) AS own
WHERE v.memory = %(memory)s AND v.audited AND v.seq <= %(seq)s AND v.run IS NOT NULL
GROUP BY v.run;

-- name: run_lengths
-- How many rollouts a run brought at each step, and how long they are.
SELECT step, count(*), avg(completion_tokens)::double precision FROM memreward.rollout
WHERE memory = %(memory)s AND run = %(run)s AND seq <= %(seq)s
GROUP BY step ORDER BY step;

-- name: run_shares
-- At each step of a run, the mean over its groups of the share of the most frequent conclusion.
SELECT step, avg(share)::double precision FROM (
    SELECT step, query_id, sum(n) AS total,
        coalesce(max(n) FILTER (WHERE conclusion_id IS NOT NULL), 0) / sum(n) AS share
    FROM (
        SELECT step, query_id, conclusion_id, count(*) AS n FROM memreward.rollout
        WHERE memory = %(memory)s AND run = %(run)s AND seq <= %(seq)s
        GROUP BY step, query_id, conclusion_id
    ) AS sizes
    GROUP BY step, query_id
) AS groups
WHERE total > 1 GROUP BY step ORDER BY step;

-- name: run_queries
-- How many queries a run asked at each step.
SELECT step, count(*) FROM (
    SELECT DISTINCT step, query_id FROM memreward.rollout
    WHERE memory = %(memory)s AND run = %(run)s AND seq <= %(seq)s
) AS asked
GROUP BY step ORDER BY step;

-- name: rollouts_of_steps
-- The rollouts of some steps of a run.
SELECT id FROM memreward.rollout
WHERE memory = %(memory)s AND run = %(run)s AND step = ANY(%(steps)s::bigint[]) AND seq <= %(seq)s;

-- name: signs_of_steps
-- What these rollouts of these steps of a run look like, by step: mean length; share of a group's most frequent conclusion,
-- mean over groups of at least two; share of the most frequent conclusion of all, if there are two
-- queries; mean reward, verified or else propagated; mean verified reward.
WITH seen AS MATERIALIZED (
    SELECT r.step, r.query_id, r.completion_tokens, c.key, v.value AS verified,
        coalesce(v.value, p.value) AS reward
    FROM memreward.rollout AS r
    LEFT JOIN memreward.conclusion AS c ON c.memory = r.memory AND c.id = r.conclusion_id
    LEFT JOIN memreward.current_verified(%(memory)s, %(seq)s::bigint, %(ids)s::text[]) AS v
        ON v.rollout_id = r.id
    LEFT JOIN memreward.current_propagated(%(memory)s, %(seq)s::bigint, %(ids)s::text[]) AS p
        ON p.rollout_id = r.id
    WHERE r.memory = %(memory)s AND r.run = %(run)s AND r.step = ANY(%(steps)s::bigint[])
        AND r.seq <= %(seq)s
), sizes AS (
    SELECT step, query_id, key, count(*) AS n FROM seen GROUP BY step, query_id, key
), groups AS (
    SELECT step, sum(n) AS total, coalesce(max(n) FILTER (WHERE key IS NOT NULL), 0) AS first
    FROM sizes GROUP BY step, query_id
), shared AS (
    SELECT step, avg(first / total) FILTER (WHERE total > 1) AS share, count(*) AS queries
    FROM groups GROUP BY step
), everywhere AS (
    SELECT step, coalesce(max(n) FILTER (WHERE key IS NOT NULL), 0) / sum(n) AS share
    FROM (SELECT step, key, sum(n) AS n FROM sizes GROUP BY step, key) AS keys GROUP BY step
), means AS (
    SELECT step, avg(completion_tokens) AS tokens, avg(reward) AS reward, avg(verified) AS verified
    FROM seen GROUP BY step
)
SELECT step, s.queries, m.tokens::double precision, s.share::double precision,
    CASE WHEN s.queries > 1 THEN e.share::double precision END, m.reward, m.verified
FROM means AS m JOIN shared AS s USING (step) JOIN everywhere AS e USING (step) ORDER BY step;

-- name: run_verified
-- Verified rewards of a run by step.
SELECT r.step, count(*), avg(v.value)
FROM memreward.current_verified(%(memory)s, %(seq)s::bigint, NULL::text[]) AS v
JOIN memreward.rollout AS r ON r.memory = %(memory)s AND r.id = v.rollout_id
WHERE r.run = %(run)s GROUP BY r.step ORDER BY r.step;

-- name: run_propagated
-- Propagated rewards of a run by step; rollouts without an opinion are left out.
SELECT r.step, count(*), avg(p.value)
FROM memreward.current_propagated(%(memory)s, %(seq)s::bigint, NULL::text[]) AS p
JOIN memreward.rollout AS r ON r.memory = %(memory)s AND r.id = p.rollout_id
WHERE r.run = %(run)s AND p.value IS NOT NULL GROUP BY r.step ORDER BY r.step;

-- name: left_to_judge
-- Those of some rollouts of which an annotator said nothing after a batch.
SELECT r.id FROM memreward.rollout AS r
WHERE r.memory = %(memory)s AND r.id = ANY(%(ids)s::text[]) AND r.seq <= %(seq)s
    AND NOT EXISTS (
        SELECT 1 FROM memreward.verified_reward AS v
        WHERE v.memory = r.memory AND v.rollout_id = r.id AND v.source = %(annotator)s
            AND v.seq > %(since)s
    );

-- name: compared
-- Queries of which an annotator preferred a rollout to another one.
SELECT DISTINCT r.query_id
FROM memreward.preference AS p
JOIN memreward.rollout AS r ON r.memory = p.memory AND r.id = p.better
WHERE p.memory = %(memory)s AND p.annotator = %(annotator)s;
