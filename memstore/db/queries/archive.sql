-- name: stamp
-- What a memory is stamped with.
SELECT encoder, dimension, neighbours, linked_seq, created_at, encoder_path, keys_version,
    feature_names
FROM memreward.memory WHERE name = %(memory)s;

-- name: begin_import
-- The memory, which is hidden until it is whole.
INSERT INTO memreward.memory (
    name, encoder, dimension, neighbours, seq, published_seq, linked_seq, generation,
    published_generation, created_at, encoder_path, keys_version, feature_names, importing
) VALUES (
    %(memory)s, %(encoder)s, %(dimension)s, %(neighbours)s, %(seq)s, %(seq)s, %(linked_seq)s,
    %(generation)s, %(generation)s, %(created_at)s, %(encoder_path)s,
    %(keys_version)s, %(feature_names)s, true
)
ON CONFLICT (name) DO NOTHING RETURNING incarnation::text;

-- name: standing
-- Whether there is a memory of that name, and whether it is an import that was cut off.
SELECT importing FROM memreward.memory WHERE name = %(memory)s
UNION ALL SELECT false FROM memreward.shard WHERE memory = %(memory)s
UNION ALL SELECT false FROM memreward.divided_elsewhere WHERE memory = %(memory)s LIMIT 1;

-- name: may_import
-- Whether the memory that is being imported is still there.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND importing
        AND deleted_at IS NULL
);

-- name: finish_import
-- The memory is whole, and visible from now on.
UPDATE memreward.memory SET importing = false
WHERE name = %(memory)s AND incarnation::text = %(incarnation)s;

-- name: query_texts
-- Texts of these queries.
SELECT id, text FROM memreward.query WHERE memory = %(memory)s AND id = ANY(%(ids)s);

-- name: current_propagated
-- The propagated reward of each rollout at a sequence number.
SELECT rollout_id, value, confidence, model, at
FROM memreward.current_propagated(%(memory)s, %(seq)s::bigint, NULL::text[])
ORDER BY rollout_id;

-- name: verified_ids
-- Rollouts of which something was verified until then.
SELECT DISTINCT rollout_id FROM memreward.verified_reward
WHERE memory = %(memory)s AND seq <= %(seq)s
ORDER BY rollout_id;

-- name: current_preferences
-- The current preferences at a sequence number.
SELECT better, worse, annotator, at, seq
FROM memreward.current_preference(%(memory)s, %(seq)s::bigint, NULL::text[])
ORDER BY better, worse, annotator;

-- name: begin_rebuild
-- From here on the memory cannot be used until its graph is whole.
UPDATE memreward.memory SET rebuilding = true
WHERE name = %(memory)s AND deleted_at IS NULL AND NOT importing
RETURNING incarnation::text, encoder, published_seq, published_generation;

-- name: may_rebuild
-- Whether the memory whose graph is rebuilt is still there.
SELECT EXISTS (
    SELECT 1 FROM memreward.memory
    WHERE name = %(memory)s AND incarnation::text = %(incarnation)s AND rebuilding
        AND deleted_at IS NULL
);

-- name: finish_rebuild
-- The graph is whole: everybody may use the memory again.
UPDATE memreward.memory SET rebuilding = false
WHERE name = %(memory)s AND incarnation::text = %(incarnation)s;
