-- name: lock_memory
-- One writer a memory at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('memreward accept ' || %(memory)s, 0));

-- name: lock_memories
-- The same of several memories, in the order of their names.
SELECT pg_advisory_xact_lock(hashtextextended('memreward accept ' || memory, 0))
FROM (SELECT memory FROM unnest(%(memories)s::text[]) AS memory ORDER BY memory OFFSET 0) AS named;

-- name: lock_writer
-- The lock of one memory, held until the session ends.
SELECT pg_advisory_lock(hashtextextended('memreward accept ' || %(memory)s, 0));

-- name: lock_linker
-- One link a memory at a time; held until the session ends.
SELECT pg_advisory_lock(hashtextextended('memreward link ' || %(memory)s, 0));

-- name: try_lock_linker
-- The same, if no other session holds it.
SELECT pg_try_advisory_lock(hashtextextended('memreward link ' || %(memory)s, 0));

-- name: lock_publisher
-- One publisher a memory at a time; held until the session ends.
SELECT pg_advisory_lock(hashtextextended('memreward publish ' || %(memory)s, 0));

-- name: lock_publishers
-- The same of several memories, in the order of their names.
SELECT pg_advisory_lock(hashtextextended('memreward publish ' || memory, 0))
FROM (SELECT memory FROM unnest(%(memories)s::text[]) AS memory ORDER BY memory OFFSET 0) AS named;
