-- name: next_batch
-- The first accepted batch that Neo4j has not been told.
SELECT m.incarnation::text, b.seq, b.kind, b.payload, b.tries, b.quarantined_at IS NOT NULL, b.reason
FROM memreward.batch AS b JOIN memreward.memory AS m ON m.name = b.memory
WHERE b.memory = %(memory)s AND b.seq = m.published_seq + 1 AND m.deleted_at IS NULL;

-- name: may_publish
-- Whether this session still holds the publisher's lock for a memory that is still there; asked
-- inside the transaction of Neo4j that the answer allows to go on.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND deleted_at IS NULL
);

-- name: mark_published
-- Neo4j holds the batch: move the number up to which it does, and drop the payload.
WITH moved AS (
    UPDATE memreward.memory
    SET published_seq = %(seq)s,
        published_generation = coalesce(%(generation)s::integer, published_generation)
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s
        AND published_seq = %(seq)s - 1
    RETURNING 1
)
UPDATE memreward.batch SET published_at = now(), payload = NULL
WHERE memory = %(memory)s AND seq = %(seq)s AND EXISTS (SELECT 1 FROM moved);

-- name: count_try
-- A publication that failed; after so many of them the batch is quarantined.
UPDATE memreward.batch
SET tries = tries + 1, reason = %(reason)s,
    quarantined_at = CASE WHEN tries + 1 >= %(limit)s THEN now() END
WHERE memory = %(memory)s AND seq = %(seq)s
RETURNING quarantined_at IS NOT NULL;

-- name: published_seq
-- The last published batch of a memory.
SELECT published_seq FROM memreward.memory WHERE name = %(memory)s;

-- name: generation_edges
-- A page of the similarity edges that a link brings, in order; those of queries that arrived since
-- are in the same generation and come with their own batches.
SELECT query_id, neighbour_id, rank, score FROM memreward.similar_to
WHERE memory = %(memory)s AND generation = %(generation)s
    AND seq = %(seq)s AND (query_id, neighbour_id) > (%(query_id)s, %(neighbour_id)s)
ORDER BY query_id, neighbour_id LIMIT %(limit)s;

-- name: older_generation
-- The published generation, if edges of earlier ones are left.
SELECT m.incarnation::text, m.published_generation FROM memreward.memory AS m
WHERE m.name = %(memory)s AND m.deleted_at IS NULL AND EXISTS (
    SELECT 1 FROM memreward.similar_to AS s
    WHERE s.memory = m.name AND s.generation < m.published_generation
);

-- name: drop_older_generations
-- Edges of generations that no reader sees any more.
DELETE FROM memreward.similar_to WHERE memory = %(memory)s AND generation < %(generation)s;
