-- Statements about any table of schema/tables.py: `{table}` and `{columns}` stand for a table and
-- some of its columns, `{key}` for what orders its rows within a batch, `{current}` for the
-- condition that keeps to one generation, where the table has generations.

-- name: copy
-- Bulk insert.
COPY {table} ({columns}) FROM STDIN (FORMAT BINARY);

-- name: of_batch
-- Rows that a batch brought.
SELECT {columns} FROM {table}
WHERE memory = %(memory)s AND seq = %(seq)s AND {current} ORDER BY {key};

-- name: up_to
-- All rows up to a batch.
SELECT {columns} FROM {table}
WHERE memory = %(memory)s AND seq <= %(seq)s AND {current} ORDER BY {key};

-- name: between
-- Rows that the batches after one and up to another brought.
SELECT {columns} FROM {table}
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s ORDER BY {key};
