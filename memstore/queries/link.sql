-- name: lock_linker
-- One link a memory at a time; held by the session until released.
SELECT pg_advisory_lock(hashtextextended('memreward link ' || %(memory)s, 0));

-- name: unlock_linker
-- Let the next link in.
SELECT pg_advisory_unlock(hashtextextended('memreward link ' || %(memory)s, 0));

-- name: drop_unfinished_generations
-- What an interrupted link left behind.
DELETE FROM memreward.similar_to WHERE memory = %(memory)s AND generation > %(generation)s;

-- name: queries_between
-- Ids of the queries accepted after one sequence number and up to another.
SELECT id FROM memreward.query
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s ORDER BY id;

-- name: stamp_generation
-- The generation belongs to the batch that makes it current.
UPDATE memreward.similar_to SET seq = %(seq)s
WHERE memory = %(memory)s AND generation = %(generation)s;

-- name: move_generation
-- Readers see this generation from now on.
UPDATE memreward.memory SET generation = %(generation)s, neighbours = %(neighbours)s
WHERE name = %(memory)s;

-- name: unlinked
-- Whether queries have arrived since the last link.
SELECT coalesce(max(seq), 0) > coalesce(
    (SELECT max(seq) FROM memreward.batch WHERE memory = %(memory)s AND kind = 'link'), 0
) FROM memreward.query WHERE memory = %(memory)s;
