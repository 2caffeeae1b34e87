-- name: drop_unfinished_generations
-- What an interrupted link left behind; only under the linker's lock.
DELETE FROM memreward.similar_to AS s USING memreward.memory AS m
WHERE s.memory = %(memory)s AND m.name = s.memory AND s.generation > m.generation;

-- name: queries_between
-- Ids of the queries accepted after one sequence number and up to another.
SELECT id FROM memreward.query
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s ORDER BY id;

-- name: stamp_generation
-- The generation belongs to the batch that makes it current.
UPDATE memreward.similar_to SET seq = %(seq)s
WHERE memory = %(memory)s AND generation = %(generation)s;

-- name: move_generation
-- Arriving queries are added to this generation from now on.
UPDATE memreward.memory
SET generation = %(generation)s, neighbours = %(neighbours)s, linked_seq = %(linked_seq)s
WHERE name = %(memory)s;

-- name: generation_size
-- Number of edges of the current generation.
SELECT count(*) FROM memreward.similar_to AS s
JOIN memreward.memory AS m ON m.name = s.memory AND m.generation = s.generation
WHERE s.memory = %(memory)s;

-- name: unlinked
-- Whether there are queries that the last link did not consider as neighbours.
SELECT EXISTS (
    SELECT 1 FROM memreward.query AS q JOIN memreward.memory AS m ON m.name = q.memory
    WHERE q.memory = %(memory)s AND q.seq > m.linked_seq
);

-- name: queries_arrived
-- How many queries the batches after one sequence number and up to another brought.
SELECT count(*) FROM memreward.query
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s;

-- name: index_built
-- Whether the index is there and complete.
SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('memreward.' || %(index)s);

-- name: indexes
-- Indexes of a memory's nearest queries, of whatever dimension.
SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'memreward' AND c.relkind = 'i' AND starts_with(c.relname, %(prefix)s);

-- name: extension
-- The version of pgvector, as numbers.
SELECT string_to_array(extversion, '.')::int[] FROM pg_extension WHERE extname = 'vector';

-- name: try_lock_builder
-- One index is built at a time, whosever: two builds on one table wait for each other.
SELECT pg_try_advisory_lock(hashtextextended('memreward index', 0));

-- name: build_index
-- HNSW over the queries of one memory; writers are not blocked. m and ef_construction are measured:
-- docs/performance.md.
CREATE INDEX CONCURRENTLY {index} ON memreward.query
USING hnsw ((embedding::vector({dimension})) vector_cosine_ops) WITH (m = 16, ef_construction = 128)
WHERE memory = {memory} AND vector_dims(embedding) = {dimension};

-- name: drop_index
-- An index that is of no use any more, or whose build was interrupted; readers are not blocked.
DROP INDEX CONCURRENTLY IF EXISTS memreward.{index};

-- name: analyse
-- Without it the planner does not know how many queries are whose.
ANALYZE memreward.query;

-- name: tune
-- For the rest of the transaction: how far an indexed search looks, and that it looks on where rows
-- are filtered out. Until `untune`: an order which an index has is not made by sorting, and the
-- table, which holds the queries of all memories, is not read as a whole; what the planner believes
-- of one memory lags behind its growth.
SELECT set_config('hnsw.ef_search', '200', true),
    set_config('hnsw.iterative_scan', 'strict_order', true),
    set_config('plan_cache_mode', 'force_custom_plan', true),
    set_config('enable_seqscan', 'off', true),
    set_config('enable_sort', 'off', true);

-- name: untune
-- The rest of the transaction may do both.
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);

-- name: nearest
-- The k nearest other queries of each asked query by cosine; exact ties are broken by id. Queries
-- of a quarantined batch are no neighbours of others.
SELECT asked.id, near.id, near.score
FROM memreward.query AS asked
CROSS JOIN LATERAL (
    SELECT other.id, 1 - (other.embedding <=> asked.embedding) AS score
    FROM memreward.query AS other
    WHERE other.memory = %(memory)s AND other.id <> asked.id
        AND other.seq <> ALL(ARRAY(
            SELECT seq FROM memreward.batch
            WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
        ))
    ORDER BY other.embedding <=> asked.embedding, other.id
    LIMIT %(neighbours)s
) AS near
WHERE asked.memory = %(memory)s AND asked.id = ANY(%(ids)s)
ORDER BY asked.id, near.score DESC, near.id;

-- name: nearest_among
-- Cosines of given pairs, in no order; pairs with a query of a quarantined batch are left out.
-- OFFSET 0 keeps each a lookup by key, whatever the planner believes of a memory that is growing.
SELECT pair.asked, pair.other, 1 - (other.embedding <=> asked.embedding) AS score
FROM unnest(%(asked)s::text[], %(others)s::text[]) AS pair (asked, other)
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query
    WHERE memory = %(memory)s AND id = pair.asked OFFSET 0
) AS asked
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query
    WHERE memory = %(memory)s AND id = pair.other AND seq <> ALL(ARRAY(
        SELECT seq FROM memreward.batch
        WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
    )) OFFSET 0
) AS other;

-- name: nearest_among_stored
-- The same of pairs in several memories, each with its memory's name.
WITH quarantined AS MATERIALIZED (
    SELECT memory, seq FROM memreward.batch
    WHERE memory = ANY(%(names)s) AND quarantined_at IS NOT NULL
)
SELECT pair.asked, pair.other, 1 - (other.embedding <=> asked.embedding) AS score
FROM unnest(%(memories)s::text[], %(asked)s::text[], %(others)s::text[])
    AS pair (memory, asked, other)
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query
    WHERE memory = pair.memory AND id = pair.asked OFFSET 0
) AS asked
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query AS q
    WHERE q.memory = pair.memory AND q.id = pair.other AND NOT EXISTS (
        SELECT FROM quarantined AS b WHERE b.memory = q.memory AND b.seq = q.seq
    ) OFFSET 0
) AS other;

-- name: query_vectors
-- Embeddings of the queries that batches brought.
SELECT id, embedding FROM memreward.query
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s;

-- name: query_vectors_in_several
-- The same of several memories, with the memory's name.
SELECT part.memory, q.id, q.embedding
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT id, embedding FROM memreward.query
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS q;

-- name: removed_since_in_several
-- The memories of which a batch after a number took queries away or replaced their embeddings.
SELECT part.memory FROM unnest(%(memories)s::text[], %(after)s::bigint[]) AS part (memory, after)
WHERE EXISTS (
    SELECT FROM memreward.batch
    WHERE memory = part.memory AND seq > part.after AND kind IN ('delete', 'reembed')
);

-- name: removed_since
-- Whether a batch after a sequence number took queries away or replaced their embeddings.
SELECT EXISTS (
    SELECT 1 FROM memreward.batch
    WHERE memory = %(memory)s AND seq > %(after)s AND kind IN ('delete', 'reembed')
);

-- name: nearest_indexed
-- The same by the memory's index: some more than k are found and put in order, ties by id.
SELECT asked.id, near.id, near.score
FROM memreward.query AS asked
CROSS JOIN LATERAL (
    SELECT found.id, 1 - found.distance AS score FROM (
        SELECT other.id,
            other.embedding::vector({dimension}) <=> asked.embedding::vector({dimension}) AS distance
        FROM memreward.query AS other
        WHERE other.memory = {memory} AND vector_dims(other.embedding) = {dimension}
            AND other.id <> asked.id
            AND other.seq <> ALL(ARRAY(
                SELECT seq FROM memreward.batch
                WHERE memory = {memory} AND quarantined_at IS NOT NULL
            ))
        ORDER BY distance LIMIT %(neighbours)s + 8
    ) AS found
    ORDER BY found.distance, found.id LIMIT %(neighbours)s
) AS near
WHERE asked.memory = {memory} AND asked.id = ANY(%(ids)s)
ORDER BY asked.id, near.score DESC, near.id;

-- name: nearest_to_vector
-- The k nearest queries of a vector that is stored nowhere, by the same rule.
SELECT other.id, 1 - (other.embedding <=> %(embedding)s::vector)
FROM memreward.query AS other
WHERE other.memory = %(memory)s AND other.seq <> ALL(ARRAY(
    SELECT seq FROM memreward.batch
    WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
))
ORDER BY other.embedding <=> %(embedding)s::vector, other.id
LIMIT %(neighbours)s;

-- name: nearest_to_vector_indexed
-- The same by the memory's index.
SELECT found.id, 1 - found.distance FROM (
    SELECT other.id,
        other.embedding::vector({dimension}) <=> %(embedding)s::vector({dimension}) AS distance
    FROM memreward.query AS other
    WHERE other.memory = {memory} AND vector_dims(other.embedding) = {dimension}
        AND other.seq <> ALL(ARRAY(
            SELECT seq FROM memreward.batch
            WHERE memory = {memory} AND quarantined_at IS NOT NULL
        ))
    ORDER BY distance LIMIT %(neighbours)s + 8
) AS found
ORDER BY found.distance, found.id LIMIT %(neighbours)s;

-- name: indexes_built
-- Whether one of these indexes is complete.
SELECT coalesce(bool_or(indisvalid), false) FROM pg_index
WHERE indexrelid IN (
    SELECT to_regclass('memreward.' || name) FROM unnest(%(indexes)s::text[]) AS name
);

-- name: nearest_among_several
-- Cosines of given pairs of a vector and a query of one of several memories, in no order.
WITH quarantined AS MATERIALIZED (
    SELECT memory, seq FROM memreward.batch
    WHERE memory = ANY(%(memories)s) AND quarantined_at IS NOT NULL
)
SELECT pair.asked, pair.other, 1 - (other.embedding <=> asked.embedding) AS score
FROM unnest(%(asked)s::text[], %(where)s::text[], %(others)s::text[])
    AS pair (asked, memory, other)
JOIN unnest(%(ids)s::text[], %(embeddings)s::vector[]) AS asked (id, embedding)
    ON asked.id = pair.asked
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query AS q
    WHERE q.memory = pair.memory AND q.id = pair.other AND NOT EXISTS (
        SELECT FROM quarantined AS b WHERE b.memory = q.memory AND b.seq = q.seq
    ) OFFSET 0
) AS other;

-- name: nearest_among_vectors
-- Cosines of given pairs of a vector that is not stored here and a query, in no order.
SELECT pair.asked, pair.other, 1 - (other.embedding <=> asked.embedding) AS score
FROM unnest(%(asked)s::text[], %(others)s::text[]) AS pair (asked, other)
JOIN unnest(%(ids)s::text[], %(embeddings)s::vector[]) AS asked (id, embedding)
    ON asked.id = pair.asked
CROSS JOIN LATERAL (
    SELECT embedding FROM memreward.query
    WHERE memory = %(memory)s AND id = pair.other AND seq <> ALL(ARRAY(
        SELECT seq FROM memreward.batch
        WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
    )) OFFSET 0
) AS other;
