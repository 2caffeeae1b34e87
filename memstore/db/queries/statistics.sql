-- name: outgrown
-- Tables of more than twice the pages, or the rows, that Postgres plans for. The checks of foreign
-- keys keep the plan that was made first: for a table that was empty then, a scan.
SELECT c.relname::text
FROM pg_class AS c
WHERE c.relnamespace = 'memreward'::regnamespace AND c.relkind = 'r'
    AND (
        pg_relation_size(c.oid)
            > 2 * c.relpages::bigint * current_setting('block_size')::bigint + 65536
        OR pg_stat_get_live_tuples(c.oid) > 2 * greatest(c.reltuples, 0) + 500
    )
ORDER BY c.relname;

-- name: count
-- Count the rows of a table and make its plans new; nothing, if another is at it.
ANALYZE (SKIP_LOCKED) memreward.{index};
