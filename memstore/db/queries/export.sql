-- name: memory
-- What a memory is stamped with.
SELECT encoder, dimension, neighbours, linked_seq, created_at, encoder_path
FROM memreward.memory WHERE name = %(memory)s;
