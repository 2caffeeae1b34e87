-- A verdict that was not asked for: taken over from another rollout of the same query with the same
-- conclusion. Its source is 'same_conclusion'.
-- same_as: the verified rollout. audited: the rollout was verified all the same, to compare.
ALTER TABLE memreward.verified_reward
    ADD COLUMN same_as text,
    ADD COLUMN audited boolean,
    ADD CONSTRAINT same_as_of_same_conclusion
        CHECK ((source = 'same_conclusion') = (same_as IS NOT NULL));
CREATE INDEX verified_reward_same_as ON memreward.verified_reward (memory, same_as)
    WHERE same_as IS NOT NULL;
CREATE INDEX verified_reward_audited ON memreward.verified_reward (memory) WHERE audited;

DROP FUNCTION memreward.verified_by_source;
-- What each source said last of each rollout.
CREATE FUNCTION memreward.verified_by_source(of_memory text, upto bigint, ids text[])
RETURNS TABLE (
    rollout_id text, source text, value double precision, run text, seq bigint, at timestamptz,
    same_as text
)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (v.rollout_id, v.source)
        v.rollout_id, v.source, v.value, v.run, v.seq, v.at, v.same_as
    FROM memreward.verified_reward AS v
    WHERE v.memory = of_memory AND (upto IS NULL OR v.seq <= upto)
        AND (ids IS NULL OR v.rollout_id = ANY(ids))
    ORDER BY v.rollout_id, v.source, v.seq DESC
$$;

-- The current verified reward: the mean over sources of what each said last; who spoke last, for
-- which run and when; how many sources there are and how far they are apart. A verdict that was
-- taken over counts only as long as nobody spoke of the rollout itself.
CREATE OR REPLACE FUNCTION memreward.current_verified(of_memory text, upto bigint, ids text[])
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
    FROM memreward.verified_by_source(of_memory, upto, ids) AS s
    GROUP BY s.rollout_id
$$;
