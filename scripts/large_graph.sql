-- What `scripts/large_memory` tells Neo4j's import, without texts. The first line of each statement
-- is the name of its file: nodes of a label, or relationships of a type.

nodes-Memory
SELECT name AS "memory", seq AS "seq:long", generation AS "generation:long",
    incarnation AS "incarnation" FROM memreward.memory WHERE name = %(memory)s;

nodes-Run
SELECT name AS "id:ID(Run)", memory AS "memory", seq AS "seq:long"
FROM memreward.run WHERE memory = %(memory)s;

nodes-Policy
SELECT name AS "id:ID(Policy)", memory AS "memory", seq AS "seq:long"
FROM memreward.policy WHERE memory = %(memory)s;

nodes-Query
SELECT id AS "id:ID(Query)", memory AS "memory", seq AS "seq:long"
FROM memreward.query WHERE memory = %(memory)s;

nodes-Conclusion
SELECT id AS "id:ID(Conclusion)", memory AS "memory", seq AS "seq:long"
FROM memreward.conclusion WHERE memory = %(memory)s;

nodes-Thinking
SELECT id AS "id:ID(Thinking)", memory AS "memory", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

nodes-Answer
SELECT id AS "id:ID(Answer)", memory AS "memory", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-GENERATED
SELECT query_id AS ":START_ID(Query)", id AS ":END_ID(Thinking)", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-LEADS_TO
SELECT id AS ":START_ID(Thinking)", id AS ":END_ID(Answer)", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-CONCLUDES
SELECT id AS ":START_ID(Answer)", conclusion_id AS ":END_ID(Conclusion)", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-GAVE
SELECT policy AS ":START_ID(Policy)", id AS ":END_ID(Answer)", seq AS "seq:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-PRODUCED
SELECT run AS ":START_ID(Run)", id AS ":END_ID(Answer)", seq AS "seq:long", step AS "step:long"
FROM memreward.rollout WHERE memory = %(memory)s;

relationships-SIMILAR_TO
SELECT query_id AS ":START_ID(Query)", neighbour_id AS ":END_ID(Query)", seq AS "seq:long",
    generation AS "generation:long", score AS "score:double", memory AS "memory"
FROM memreward.similar_to WHERE memory = %(memory)s AND generation = 1;
