-- name: lock
-- One migrating process at a time; the lock ends with the connection.
SELECT pg_advisory_lock(hashtextextended('memreward migrations', 0));

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('memreward migrations', 0));

-- name: has_record
-- Whether this database was ever migrated.
SELECT to_regclass('memreward.migration') IS NOT NULL;

-- name: create_record
-- Where applied migrations are written down.
CREATE SCHEMA IF NOT EXISTS memreward;
CREATE TABLE IF NOT EXISTS memreward.migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: applied
-- What was applied, in order.
SELECT version, name, checksum FROM memreward.migration ORDER BY version;

-- name: record
-- Write one down, in the transaction that applied it.
INSERT INTO memreward.migration (version, name, checksum)
VALUES (%(version)s, %(name)s, %(checksum)s);
