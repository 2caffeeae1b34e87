// Who answers: a node for each policy of the answers that are there, and an edge to each of them.
// Answers are tied some at a time, so that a large memory fits into Neo4j's transactions.
CREATE CONSTRAINT policy_id IF NOT EXISTS FOR (n:Policy) REQUIRE (n.memory, n.id) IS UNIQUE;
MATCH (a:Answer) WHERE a.policy IS NOT NULL
WITH a.memory AS memory, a.policy AS name, min(a.seq) AS seq
MERGE (p:Policy {memory: memory, id: name}) ON CREATE SET p.seq = seq;
MATCH (a:Answer) WHERE a.policy IS NOT NULL AND NOT EXISTS { (:Policy)-[:GAVE]->(a) }
CALL (a) {
    MATCH (p:Policy {memory: a.memory, id: a.policy})
    MERGE (p)-[e:GAVE]->(a)
    ON CREATE SET e.step = a.step, e.checkpoint = a.checkpoint, e.seq = a.seq
} IN TRANSACTIONS OF 5000 ROWS;
