-- Who verifies: one row for each source in a memory, with the batch of what it said first.
CREATE TABLE memreward.source (
    memory text NOT NULL REFERENCES memreward.memory (name),
    name   text NOT NULL,
    seq    bigint NOT NULL,
    PRIMARY KEY (memory, name)
);
CREATE INDEX source_of_batch ON memreward.source (memory, seq);
INSERT INTO memreward.source (memory, name, seq)
SELECT memory, source, min(seq) FROM memreward.verified_reward GROUP BY memory, source;
-- Neo4j does not hold what each of several sources said: a batch tells it, as any other change.
WITH told AS (
    UPDATE memreward.memory AS m SET seq = m.seq + 1
    WHERE m.deleted_at IS NULL AND NOT m.importing AND EXISTS (
        SELECT 1 FROM memreward.source AS s WHERE s.memory = m.name
    )
    RETURNING m.name, m.seq
)
INSERT INTO memreward.batch (memory, seq, kind, payload)
SELECT name, seq, 'sources', '{}' FROM told;
