-- name: run_known
-- Whether a run of this name has brought anything to a memory.
SELECT 1 FROM memreward.run WHERE memory = %(memory)s AND name = %(name)s;
