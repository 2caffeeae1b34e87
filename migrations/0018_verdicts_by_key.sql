-- Whether all rollouts of a memory are meant is said by itself: asked of one rollout after another in a
-- statement, "ids IS NULL" is not known when it is planned, and all rewards were read for each.

-- What each source said last of each rollout: of all, or of these.
CREATE FUNCTION memreward.verified_by_source(
    of_memory text, upto bigint, ids text[], every boolean
)
RETURNS TABLE (
    rollout_id text, source text, value double precision, run text, seq bigint, at timestamptz,
    same_as text
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (v.rollout_id, v.source)
        v.rollout_id, v.source, v.value, v.run, v.seq, v.at, v.same_as
    FROM memreward.verified_reward AS v
    WHERE v.memory = of_memory AND (upto IS NULL OR v.seq <= upto)
        AND (every OR v.rollout_id = ANY(ids))
    ORDER BY v.rollout_id, v.source, v.seq DESC
$$;

-- The current verified reward: the mean over sources of what each said last; who spoke last, for
-- which run and when; how many sources there are and how far they are apart. A verdict that was
-- taken over counts only as long as nobody spoke of the rollout itself.
CREATE FUNCTION memreward.current_verified(
    of_memory text, upto bigint, ids text[], every boolean
)
RETURNS TABLE (
    rollout_id text, value double precision, source text, run text, at timestamptz,
    sources bigint, spread double precision, seq bigint
)
LANGUAGE sql STABLE AS $$
    SELECT s.rollout_id,
        coalesce(
            avg(s.value ORDER BY s.source) FILTER (WHERE s.same_as IS NULL), avg(s.value)
        ),
        (array_agg(s.source ORDER BY s.same_as IS NOT NULL, s.seq DESC, s.source))[1],
        (array_agg(s.run ORDER BY s.same_as IS NOT NULL, s.seq DESC, s.source))[1],
        coalesce(max(s.at) FILTER (WHERE s.same_as IS NULL), max(s.at)),
        greatest(count(*) FILTER (WHERE s.same_as IS NULL), 1),
        coalesce(
            max(s.value) FILTER (WHERE s.same_as IS NULL)
            - min(s.value) FILTER (WHERE s.same_as IS NULL),
            0
        ),
        max(s.seq)
    FROM memreward.verified_by_source(of_memory, upto, ids, every) AS s
    GROUP BY s.rollout_id
$$;

-- Without `every` null means all.
CREATE OR REPLACE FUNCTION memreward.verified_by_source(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, source text, value double precision, run text, seq bigint, at timestamptz,
    same_as text
)
LANGUAGE sql STABLE AS $$
    SELECT * FROM memreward.verified_by_source(of_memory, upto, ids, ids IS NULL)
$$;

CREATE OR REPLACE FUNCTION memreward.current_verified(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, value double precision, source text, run text, at timestamptz,
    sources bigint, spread double precision, seq bigint
)
LANGUAGE sql STABLE AS $$
    SELECT * FROM memreward.current_verified(of_memory, upto, ids, ids IS NULL)
$$;
