-- name: lock_publisher
-- One publisher a memory at a time; held by the session until released.
SELECT pg_advisory_lock(hashtextextended('memreward publish ' || %(memory)s, 0));

-- name: unlock_publisher
-- Let the next publisher in.
SELECT pg_advisory_unlock(hashtextextended('memreward publish ' || %(memory)s, 0));

-- name: next_batch
-- The first accepted batch that Neo4j has not been told.
SELECT b.seq, b.kind, b.payload
FROM memreward.batch AS b JOIN memreward.memory AS m ON m.name = b.memory
WHERE b.memory = %(memory)s AND b.seq = m.published_seq + 1;

-- name: mark_published
-- Neo4j holds the batch: drop its payload.
UPDATE memreward.batch SET published_at = now(), payload = NULL
WHERE memory = %(memory)s AND seq = %(seq)s;

-- name: move_published
-- Neo4j holds everything up to this sequence number.
UPDATE memreward.memory SET published_seq = %(seq)s
WHERE name = %(memory)s AND published_seq = %(seq)s - 1;

-- name: generation_edges
-- A page of one generation's similarity edges, in order.
SELECT query_id, neighbour_id, rank, score FROM memreward.similar_to
WHERE memory = %(memory)s AND generation = %(generation)s
    AND (query_id, neighbour_id) > (%(query_id)s, %(neighbour_id)s)
ORDER BY query_id, neighbour_id LIMIT %(limit)s;

-- name: drop_older_generations
-- Edges of generations that no reader sees any more.
DELETE FROM memreward.similar_to WHERE memory = %(memory)s AND generation < %(generation)s;
