-- Who answers: one row for each name in a memory, with the batch that brought its first answers.
CREATE TABLE memreward.policy (
    memory text NOT NULL REFERENCES memreward.memory (name),
    name   text NOT NULL,
    seq    bigint NOT NULL,
    PRIMARY KEY (memory, name)
);
CREATE INDEX policy_of_batch ON memreward.policy (memory, seq);
INSERT INTO memreward.policy (memory, name, seq)
SELECT memory, policy, min(seq) FROM memreward.rollout
WHERE policy IS NOT NULL
GROUP BY memory, policy;
