-- Conclusion keys of another version, while they are made and until they replace those in force.
-- conclusion_id, key: NULL where the answer says nothing that can be compared.
CREATE TABLE memreward.new_key (
    memory        text NOT NULL REFERENCES memreward.memory (name),
    rollout_id    text NOT NULL,
    version       integer NOT NULL,
    conclusion_id text,
    key           text,
    PRIMARY KEY (memory, rollout_id)
);

-- The conclusions that the new keys lead to, each with the first batch that brought a rollout to it.
CREATE FUNCTION memreward.new_conclusions(of_memory text)
RETURNS TABLE (id text, key text, seq bigint)
LANGUAGE sql STABLE AS $$
    SELECT n.conclusion_id, min(n.key), min(r.seq)
    FROM memreward.new_key AS n
    JOIN memreward.rollout AS r ON r.memory = n.memory AND r.id = n.rollout_id
    WHERE n.memory = of_memory AND n.conclusion_id IS NOT NULL
    GROUP BY n.conclusion_id
$$;
