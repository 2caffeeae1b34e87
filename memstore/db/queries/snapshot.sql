-- name: batches
-- Kinds of the batches after a sequence number.
SELECT seq, kind FROM memreward.batch WHERE memory = %(memory)s AND seq > %(after)s ORDER BY seq;

-- name: kinds_in_several
-- Kinds of the batches of several memories, after a sequence number of each.
SELECT DISTINCT b.kind
FROM unnest(%(memories)s::text[], %(after)s::bigint[]) AS part (memory, after)
CROSS JOIN LATERAL (
    SELECT kind FROM memreward.batch WHERE memory = part.memory AND seq > part.after OFFSET 0
) AS b;

-- name: policy_embeddings
-- Policy embeddings of one stamp of these rollouts.
SELECT rollout_id, embedding FROM memreward.policy_embedding
WHERE memory = %(memory)s AND rollout_id = ANY(%(ids)s) AND policy = %(policy)s
    AND layer = %(layer)s AND vector_dims(embedding) = %(dimension)s;

-- name: stamps
-- How many policy embeddings of each stamp batches brought.
SELECT policy, layer, vector_dims(embedding) AS dimension, count(*)
FROM memreward.policy_embedding
WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s
GROUP BY policy, layer, dimension ORDER BY policy, layer, dimension;

-- name: stamps_in_several
-- The same of several memories.
SELECT policy, layer, dimension, count(*)
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT policy, layer, vector_dims(embedding) AS dimension FROM memreward.policy_embedding
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS brought
GROUP BY policy, layer, dimension ORDER BY policy, layer, dimension;

-- name: similar
-- Similarity edges of one generation that batches brought.
SELECT query_id, neighbour_id, seq, score FROM memreward.similar_to
WHERE memory = %(memory)s AND generation = %(generation)s
    AND seq > %(after)s AND seq <= %(upto)s
ORDER BY seq;

-- name: verified
-- The current verified rewards as of a sequence number, each with the source that spoke last, of
-- the rollouts of which something was said after another number.
SELECT rollout_id, value, source, seq
FROM memreward.current_verified(%(memory)s, %(upto)s::bigint, NULL::text[])
WHERE seq > %(after)s ORDER BY seq, rollout_id;

-- name: verified_since
-- The same, each looked up by its key (OFFSET 0): for few.
SELECT current.rollout_id, current.value, current.source, current.seq
FROM (
    SELECT DISTINCT rollout_id FROM memreward.verified_reward
    WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s
) AS said
CROSS JOIN LATERAL (
    SELECT rollout_id, value, source, seq
    FROM memreward.current_verified(%(memory)s, %(upto)s::bigint, NULL::text[])
    WHERE rollout_id = said.rollout_id OFFSET 0
) AS current
ORDER BY current.seq, current.rollout_id;

-- name: verified_since_in_several
-- The same of several memories.
SELECT current.rollout_id, current.value, current.source, current.seq
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT DISTINCT rollout_id FROM memreward.verified_reward
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS said
CROSS JOIN LATERAL (
    SELECT rollout_id, value, source, seq
    FROM memreward.current_verified(part.memory, part.upto, NULL::text[])
    WHERE rollout_id = said.rollout_id OFFSET 0
) AS current
ORDER BY current.seq, current.rollout_id;

-- name: several_said
-- As of a sequence number, what each source said last of the rollouts of which more than one spoke,
-- and something was said after another number.
SELECT said.rollout_id, said.source, said.value
FROM (
    SELECT rollout_id, source, value, count(*) OVER of_rollout AS sources,
        max(seq) OVER of_rollout AS newest
    FROM memreward.verified_by_source(%(memory)s, %(upto)s::bigint, NULL::text[])
    WINDOW of_rollout AS (PARTITION BY rollout_id)
) AS said
WHERE said.sources > 1 AND said.newest > %(after)s ORDER BY said.rollout_id, said.source;

-- name: several_said_since
-- The same, each looked up by its key: for few.
SELECT said.rollout_id, said.source, said.value
FROM (
    SELECT DISTINCT rollout_id FROM memreward.verified_reward
    WHERE memory = %(memory)s AND seq > %(after)s AND seq <= %(upto)s
) AS new
CROSS JOIN LATERAL (
    SELECT rollout_id, source, value, count(*) OVER () AS sources
    FROM memreward.verified_by_source(
        %(memory)s, %(upto)s::bigint, ARRAY[new.rollout_id]
    )
) AS said
WHERE said.sources > 1 ORDER BY said.rollout_id, said.source;

-- name: several_said_since_in_several
-- The same of several memories.
SELECT said.rollout_id, said.source, said.value
FROM unnest(%(memories)s::text[], %(after)s::bigint[], %(upto)s::bigint[])
    AS part (memory, after, upto)
CROSS JOIN LATERAL (
    SELECT DISTINCT rollout_id FROM memreward.verified_reward
    WHERE memory = part.memory AND seq > part.after AND seq <= part.upto OFFSET 0
) AS new
CROSS JOIN LATERAL (
    SELECT rollout_id, source, value, count(*) OVER () AS sources
    FROM memreward.verified_by_source(part.memory, part.upto, ARRAY[new.rollout_id])
) AS said
WHERE said.sources > 1 ORDER BY said.rollout_id, said.source;
