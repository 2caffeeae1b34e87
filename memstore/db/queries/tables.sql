-- Statements about any table of schema/tables.py: `{table}` and `{columns}` stand for a table and
-- some of its columns, `{key}` for what orders its rows within a batch, `{current}` and
-- `{current_of_part}` for the condition that keeps to one generation, where the table has generations.

-- name: copy
-- Bulk insert.
COPY {table} ({columns}) FROM STDIN (FORMAT BINARY);

-- name: of_batches
-- Rows that one batch of each of several memories brought, with the memory's name.
SELECT part.memory, brought.*
FROM unnest(%(memories)s::text[], %(seqs)s::bigint[], %(generations)s::int[])
    AS part (memory, at, of_generation)
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table}
    WHERE memory = part.memory AND seq = part.at AND {current_of_part} ORDER BY {key} OFFSET 0
) AS brought;

-- name: up_to
-- All rows up to a batch.
SELECT {columns} FROM {table}
WHERE memory = %(memory)s AND seq <= %(seq)s AND {current} ORDER BY {key};

-- name: between
-- Rows that the batches after one and up to another brought.
SELECT {columns} FROM {table}
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s ORDER BY {key};

-- name: between_in_several
-- The same of several memories, in the order of the batches' numbers. The columns are to have those
-- of the key among them.
SELECT brought.*
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table}
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS brought
ORDER BY {key};
