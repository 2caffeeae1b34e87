-- name: begin
-- The memory, which nobody sees until it is whole.
INSERT INTO memreward.memory (
    name, encoder, dimension, neighbours, seq, published_seq, linked_seq, generation,
    published_generation, created_at, encoder_path, importing
) VALUES (
    %(memory)s, %(encoder)s, %(dimension)s, %(neighbours)s, %(seq)s, %(seq)s, %(linked_seq)s,
    %(generation)s, %(generation)s, %(created_at)s, %(encoder_path)s, true
)
ON CONFLICT (name) DO NOTHING RETURNING incarnation::text;

-- name: standing
-- Whether there is a memory of that name, and whether it is an import that was cut off.
SELECT importing FROM memreward.memory WHERE name = %(memory)s;

-- name: may_import
-- Whether the memory that is being imported is still there.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND importing
        AND deleted_at IS NULL
);

-- name: finish
-- The memory is whole: everybody may see it.
UPDATE memreward.memory SET importing = false
WHERE name = %(memory)s AND incarnation::text = %(incarnation)s;

-- name: query_texts
-- Texts of these queries.
SELECT id, text FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);
