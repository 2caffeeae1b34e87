-- name: lock
-- One call at a time is accepted by all shards and has its queries tied; held until the session
-- ends.
SELECT pg_advisory_lock(hashtextextended('memreward shards ' || %(memory)s, 0));

-- name: lock_edges
-- One transaction at a time writes a memory's edges or rollouts in these databases; held until it
-- ends.
SELECT pg_advisory_xact_lock(hashtextextended('memreward edges ' || %(memory)s, 0));

-- name: wait_for_writers
-- Until no transaction is under way that asked before whether its lock is still there.
SELECT pg_advisory_xact_lock(hashtextextended('memreward edges ' || %(memory)s, 0));

-- name: rows
-- What the first shard's databases know of all shards.
SELECT number, made::text, seq, generation, neighbours, incarnation::text, linked_seq, pair::text,
    address
FROM memreward.shard WHERE memory = %(memory)s ORDER BY number;

-- name: pair
-- What tells these databases from others.
SELECT id::text FROM memreward.pair;

-- name: elsewhere
-- Of a memory whose first shard lies in other databases: how many it has, and which those are.
SELECT shards, pair::text, address FROM memreward.divided_elsewhere WHERE memory = %(memory)s;

-- name: standing
-- Memories of that name, and shards of one.
SELECT name FROM memreward.memory
WHERE name = %(memory)s OR starts_with(name, %(memory)s || '@') ORDER BY name;

-- name: divided
-- The memories that are divided, each with the number of its shards.
SELECT memory, count(*) FROM memreward.shard GROUP BY memory
UNION SELECT memory, shards FROM memreward.divided_elsewhere ORDER BY memory;

-- name: divide
-- The memory is divided from now on, unless it is one memory already.
INSERT INTO memreward.shard
    (memory, number, made, seq, generation, neighbours, pair, address)
SELECT %(memory)s, number, %(made)s::uuid, 0, 0, %(neighbours)s, pair::uuid, address
FROM unnest(%(pairs)s::text[], %(addresses)s::text[])
    WITH ORDINALITY AS place (pair, address, number)
WHERE NOT EXISTS (SELECT FROM memreward.memory WHERE name = %(memory)s)
ON CONFLICT DO NOTHING;

-- name: divide_elsewhere
-- The memory is divided from now on, and its first shard lies in other databases.
INSERT INTO memreward.divided_elsewhere (memory, made, shards, pair, address)
SELECT %(memory)s, %(made)s::uuid, %(count)s, %(pair)s::uuid, %(address)s
WHERE NOT EXISTS (SELECT FROM memreward.memory WHERE name = %(memory)s)
ON CONFLICT (memory) DO NOTHING;

-- name: move
-- The edges of all shards' queries up to these batches are written; this makes them count.
UPDATE memreward.shard AS s
SET seq = tied.seq, incarnation = tied.incarnation::uuid, generation = %(generation)s,
    neighbours = %(neighbours)s, linked_seq = tied.linked_seq
FROM unnest(
    %(numbers)s::int[], %(seqs)s::bigint[], %(incarnations)s::text[], %(linked)s::bigint[]
) AS tied (number, seq, incarnation, linked_seq)
WHERE s.memory = %(memory)s AND s.made::text = %(made)s AND s.number = tied.number;

-- name: take_place
-- A shard was read from its archive: it has no edges yet, and snapshots of before are of no use.
UPDATE memreward.shard
SET made = %(made)s::uuid,
    seq = CASE WHEN number = %(number)s THEN 0 ELSE seq END,
    linked_seq = CASE WHEN number = %(number)s THEN 0 ELSE linked_seq END,
    incarnation = CASE WHEN number = %(number)s THEN %(incarnation)s::uuid ELSE incarnation END,
    pair = CASE WHEN number = %(number)s THEN %(pair)s::uuid ELSE pair END,
    address = CASE WHEN number = %(number)s THEN %(address)s ELSE address END
WHERE memory = %(memory)s;

-- name: forget
-- The memory is not divided any more: its shards are gone.
WITH elsewhere AS (DELETE FROM memreward.divided_elsewhere WHERE memory = %(memory)s)
DELETE FROM memreward.shard WHERE memory = %(memory)s;

-- name: first_queries
-- Of each shard, the first batch after another one that brought a query.
SELECT part.memory,
    (SELECT min(seq) FROM memreward.query WHERE memory = part.memory AND seq > part.after)
FROM unnest(%(memories)s::text[], %(after)s::bigint[]) AS part (memory, after);

-- name: query_vectors
-- Embeddings of the queries that batches of shards brought, with the shard's name.
SELECT part.memory, q.id, q.embedding
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT id, embedding FROM memreward.query
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS q;

-- name: known_rollouts
-- Which of these rollouts shards hold already, and what they say.
SELECT r.id, r.content_hash
FROM unnest(%(memories)s::text[]) AS shard (memory)
CROSS JOIN unnest(%(ids)s::text[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, content_hash FROM memreward.rollout
    WHERE memory = shard.memory AND id = asked.id OFFSET 0
) AS r;

-- name: count_queries
SELECT count(*) FROM memreward.query AS q
JOIN unnest(%(memories)s::text[], %(upto)s::bigint[]) AS part (memory, seq)
    ON q.memory = part.memory AND q.seq <= part.seq;

-- name: are_untied
-- Whether one of these queries came to shards after the batches whose edges count.
SELECT EXISTS (
    SELECT FROM unnest(%(memories)s::text[], %(tied)s::bigint[]) AS part (memory, seq)
    CROSS JOIN unnest(%(ids)s::text[]) AS asked (id)
    JOIN memreward.query AS q
        ON q.memory = part.memory AND q.id = asked.id AND q.seq > part.seq
);

-- name: unlinked
-- Whether shards have queries that the last link did not consider as neighbours.
SELECT EXISTS (
    SELECT FROM memreward.query AS q
    JOIN unnest(%(memories)s::text[], %(linked)s::bigint[]) AS part (memory, seq)
        ON q.memory = part.memory AND q.seq > part.seq
);

-- name: clear
-- Edges of these queries that do not count yet.
DELETE FROM memreward.across
WHERE memory = ANY(%(memories)s) AND generation = %(generation)s AND query_id = ANY(%(ids)s);

-- name: drop_other_generations
-- Edges that do not count any more, or that an interrupted link left behind.
DELETE FROM memreward.across WHERE memory = %(memory)s AND generation <> %(generation)s;

-- name: edges
-- Edges of the queries that batches brought, in one generation.
SELECT a.query_id, a.neighbour_id, q.seq, a.score
FROM memreward.across AS a JOIN memreward.query AS q ON q.memory = a.memory AND q.id = a.query_id
WHERE a.memory = %(memory)s AND a.generation = %(generation)s
    AND q.seq > %(after)s AND q.seq <= %(upto)s
ORDER BY q.seq;

-- name: edges_in_several
-- The same of several shards.
SELECT a.query_id, a.neighbour_id, q.seq, a.score
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT id, seq FROM memreward.query
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS q
CROSS JOIN LATERAL (
    SELECT query_id, neighbour_id, score FROM memreward.across
    WHERE memory = part.memory AND generation = %(generation)s AND query_id = q.id OFFSET 0
) AS a
ORDER BY q.seq;

-- name: untied
-- Queries that wait for their edges, and those before them that have none in this generation.
SELECT count(*) FILTER (WHERE q.seq > %(seq)s), count(*) FILTER (
    WHERE q.seq <= %(seq)s AND NOT EXISTS (
        SELECT FROM memreward.across AS a
        WHERE a.memory = q.memory AND a.query_id = q.id AND a.generation = %(generation)s
    ))
FROM memreward.query AS q WHERE q.memory = %(memory)s;
