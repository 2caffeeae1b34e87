// name: memory
// Where Neo4j stands: the last batch applied.
MATCH (m:Memory {memory: $memory}) RETURN m.seq

// name: queries
// All queries up to a sequence number.
MATCH (n:Query {memory: $memory}) WHERE n.seq <= $seq
RETURN n.id, n.text, n.dataset, n.domain

// name: thinkings
// All thinking texts up to a sequence number.
MATCH (n:Thinking {memory: $memory}) WHERE n.seq <= $seq RETURN n.id, n.text

// name: answers
// All answers up to a sequence number.
MATCH (n:Answer {memory: $memory}) WHERE n.seq <= $seq RETURN n.id, n.text, n.policy

// name: conclusions
// All conclusions up to a sequence number.
MATCH (n:Conclusion {memory: $memory}) WHERE n.seq <= $seq RETURN n.id, n.key

// name: generated
// Which query generated which thinking.
MATCH (q:Query {memory: $memory})-[e:GENERATED]->(t:Thinking)
WHERE coalesce(e.seq, 0) <= $seq AND q.seq <= $seq AND t.seq <= $seq
RETURN q.id, t.id

// name: leads_to
// Which thinking led to which answer.
MATCH (t:Thinking {memory: $memory})-[e:LEADS_TO]->(a:Answer)
WHERE coalesce(e.seq, 0) <= $seq AND t.seq <= $seq AND a.seq <= $seq
RETURN t.id, a.id

// name: concludes
// Which answer reached which conclusion.
MATCH (a:Answer {memory: $memory})-[e:CONCLUDES]->(c:Conclusion)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND c.seq <= $seq
RETURN a.id, c.id

// name: similar
// Similarity edges of the current generation, and those drawn by hand (without a generation).
MATCH (q:Query {memory: $memory})-[s:SIMILAR_TO]->(n:Query)
WHERE coalesce(s.generation, $generation) = $generation AND coalesce(s.seq, 0) <= $seq
    AND q.seq <= $seq AND n.seq <= $seq
RETURN q.id, n.id, s.score

// name: propagated
// The current propagated reward of each answer that has one.
MATCH (a:Answer {memory: $memory}) WHERE a.propagated_model IS NOT NULL
RETURN a.id, a.propagated_reward
