-- name: versions
-- Postgres' version as a number (180006), pgvector as installed here and as it could be.
SELECT current_setting('server_version_num')::integer,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector');
