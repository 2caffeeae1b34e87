-- name: begin
-- From here on nobody uses the memory until its graph is whole.
UPDATE memreward.memory SET rebuilding = true
WHERE name = %(memory)s AND deleted_at IS NULL AND NOT importing
RETURNING incarnation::text, encoder, published_seq, published_generation;

-- name: may_rebuild
-- Whether the memory whose graph is made anew is still there.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND rebuilding
        AND deleted_at IS NULL
);

-- name: finish
-- The graph is whole: everybody may use the memory again.
UPDATE memreward.memory SET rebuilding = false
WHERE name = %(memory)s AND incarnation::text = %(incarnation)s;
