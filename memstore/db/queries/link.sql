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
