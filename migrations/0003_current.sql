-- What is current of rewards and preferences, said once: each function is a view with bounds.
-- of_memory: whose; upto: the batch up to which statements count (NULL: all); ids: of rollouts
-- (NULL: all). Postgres plans them as if their text stood in the query.

-- What each source said last of each rollout.
CREATE FUNCTION memreward.verified_by_source(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, source text, value double precision, run text, seq bigint, at timestamptz
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (v.rollout_id, v.source)
        v.rollout_id, v.source, v.value, v.run, v.seq, v.at
    FROM memreward.verified_reward AS v
    WHERE v.memory = of_memory AND (upto IS NULL OR v.seq <= upto)
        AND (ids IS NULL OR v.rollout_id = ANY(ids))
    ORDER BY v.rollout_id, v.source, v.seq DESC
$$;

-- The current verified reward: the mean over sources of what each said last; who spoke last, for
-- which run and when; how many sources there are and how far they are apart.
CREATE FUNCTION memreward.current_verified(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, value double precision, source text, run text, at timestamptz,
    sources bigint, spread double precision, seq bigint
)
LANGUAGE sql STABLE AS $$
    SELECT s.rollout_id, avg(s.value ORDER BY s.source),
        (array_agg(s.source ORDER BY s.seq DESC, s.source))[1],
        (array_agg(s.run ORDER BY s.seq DESC, s.source))[1],
        max(s.at), count(*), max(s.value) - min(s.value), max(s.seq)
    FROM memreward.verified_by_source(of_memory, upto, ids) AS s
    GROUP BY s.rollout_id
$$;

-- The current propagated reward: what the last model concluded; value NULL: no opinion.
CREATE FUNCTION memreward.current_propagated(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, value double precision, confidence double precision, model text,
    at timestamptz
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (p.rollout_id) p.rollout_id, p.value, p.confidence, p.model, p.at
    FROM memreward.propagated_reward AS p
    WHERE p.memory = of_memory AND (upto IS NULL OR p.seq <= upto)
        AND (ids IS NULL OR p.rollout_id = ANY(ids))
    ORDER BY p.rollout_id, p.seq DESC
$$;

-- The current preferences: an annotator's last word on a pair, whichever was the better then.
CREATE FUNCTION memreward.current_preference(of_memory text, upto bigint, ids text[])
RETURNS TABLE (better text, worse text, annotator text, at timestamptz, seq bigint)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (least(p.better, p.worse), greatest(p.better, p.worse), p.annotator)
        p.better, p.worse, p.annotator, p.at, p.seq
    FROM memreward.preference AS p
    WHERE p.memory = of_memory AND (upto IS NULL OR p.seq <= upto)
        AND (ids IS NULL OR p.better = ANY(ids) OR p.worse = ANY(ids))
    ORDER BY least(p.better, p.worse), greatest(p.better, p.worse), p.annotator, p.seq DESC
$$;
