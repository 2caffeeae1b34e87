-- name: lock_memory
-- One writer a memory at a time; held until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('memreward accept ' || %(memory)s, 0));

-- name: lock_writer
-- The same lock, held until the session ends.
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
