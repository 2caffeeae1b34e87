// name: memory
// State of a memory here.
MATCH (m:Memory {memory: $memory}) RETURN m.seq, m.generation, m.incarnation

// name: runs
// Runs with what they were given.
MATCH (r:Run {memory: $memory}) RETURN r.id, r.policy, r.checkpoint ORDER BY r.id

// name: policies
// Policies.
MATCH (p:Policy {memory: $memory}) RETURN p.id, p.seq ORDER BY p.id

// name: sources
// Sources.
MATCH (s:Source {memory: $memory}) RETURN s.id, s.seq ORDER BY s.id

// name: verified_by
// What sources say of these answers.
UNWIND $ids AS id
MATCH (a:Answer {memory: $memory, id: id})<-[e:VERIFIED]-(s)
RETURN s.id, a.id, e.reward, e.seq, e.same_as

// name: models
// Known checkpoints.
MATCH (m:Model {memory: $memory}) RETURN m.id ORDER BY m.id

// name: queries
// A page of queries.
MATCH (n:Query {memory: $memory}) WHERE n.id > $after
RETURN n.id, n.seq, n.dataset, n.domain, n.text ORDER BY n.id LIMIT $limit

// name: thinkings
// A page of thinkings: what generated them and what they led to.
MATCH (n:Thinking {memory: $memory}) WHERE n.id > $after
WITH n ORDER BY n.id LIMIT $limit
RETURN n.id, n.seq, COLLECT { MATCH (n)<-[:GENERATED]-(q) RETURN q.id } AS queries,
    COLLECT { MATCH (n)-[:LEADS_TO]->(a) RETURN a.id } AS answers, n.text, n.forgotten_seq
ORDER BY n.id

// name: answers
// A page of answers: what led to them, who produced and gave them, their conclusions and rewards.
MATCH (n:Answer {memory: $memory}) WHERE n.id > $after
WITH n ORDER BY n.id LIMIT $limit
RETURN n.id, n.seq, COLLECT { MATCH (n)<-[:LEADS_TO]-(t) RETURN t.id } AS thinkings,
    COLLECT { MATCH (n)<-[:PRODUCED]-(r) RETURN r.id } AS runs,
    COLLECT { MATCH (n)-[:CONCLUDES]->(c) RETURN c.id } AS conclusions,
    COLLECT { MATCH (n)<-[e:GAVE]-(p) RETURN [p.id, e.step, e.checkpoint] } AS policies,
    n.text, n.verified_reward, n.propagated_reward, n.propagated_confidence, n.propagated_model
ORDER BY n.id

// name: conclusions
// A page of conclusions, and how many answers reach each.
MATCH (n:Conclusion {memory: $memory}) WHERE n.id > $after
WITH n ORDER BY n.id LIMIT $limit
RETURN n.id, n.seq, n.key, COUNT { (n)<-[:CONCLUDES]-(:Answer) } AS answers
ORDER BY n.id

// name: similar
// All similarity edges of these queries.
UNWIND $ids AS id
MATCH (q:Query {memory: $memory, id: id})-[s:SIMILAR_TO]->(n)
RETURN q.id, n.id, s.generation, s.rank, s.score

// name: preferred
// All preferences in which these answers are the better.
UNWIND $ids AS id
MATCH (a:Answer {memory: $memory, id: id})-[p:PREFERRED_TO]->(b)
RETURN a.id, b.id, p.annotator
