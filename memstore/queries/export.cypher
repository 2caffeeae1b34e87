// name: query_texts
// Texts of these queries.
UNWIND $ids AS id
MATCH (n:Query {memory: $memory, id: id}) RETURN n.id, n.text

// name: rollout_texts
// Texts of these rollouts.
UNWIND $ids AS id
MATCH (t:Thinking {memory: $memory, id: id})
MATCH (a:Answer {memory: $memory, id: id})
RETURN a.id, t.text, a.text

// name: conclusions
// A page of conclusions.
MATCH (n:Conclusion {memory: $memory}) WHERE n.id > $after AND n.seq <= $seq
RETURN n.id, n.key, n.seq ORDER BY n.id LIMIT $limit
