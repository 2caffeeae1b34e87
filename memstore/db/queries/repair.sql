-- name: state
-- Whether a memory is going, lags in Neo4j, or has edges left of an interrupted link or clean-up.
SELECT m.deleted_at IS NOT NULL,
    m.seq,
    m.published_seq,
    EXISTS (SELECT 1 FROM memreward.similar_to AS s
            WHERE s.memory = m.name AND s.generation < m.published_generation),
    EXISTS (SELECT 1 FROM memreward.similar_to AS s
            WHERE s.memory = m.name AND s.generation > m.generation),
    m.rebuilding
FROM memreward.memory AS m WHERE m.name = %(memory)s;

-- name: every_memory
-- Names of all memories, those that are going among them.
SELECT name FROM memreward.memory ORDER BY name;

-- name: release_quarantine
-- Let a quarantined batch have one more try; its queries are to be neighbours again.
WITH released AS (
    UPDATE memreward.batch SET quarantined_at = NULL, tries = %(tries)s
    WHERE memory = %(memory)s AND quarantined_at IS NOT NULL
    RETURNING memory, seq
)
UPDATE memreward.memory AS m SET linked_seq = least(m.linked_seq, released.seq - 1)
FROM released WHERE m.name = released.memory RETURNING released.seq;
