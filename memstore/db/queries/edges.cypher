// name: generated
// Which query generated which thinking.
MATCH (q:Query {memory: $memory})-[e:GENERATED]->(t:Thinking)
WHERE coalesce(e.seq, 0) <= $seq AND q.seq <= $seq AND t.seq <= $seq
RETURN q.id, t.id, coalesce(e.seq, 0)

// name: leads_to
// Which thinking led to which answer.
MATCH (t:Thinking {memory: $memory})-[e:LEADS_TO]->(a:Answer)
WHERE coalesce(e.seq, 0) <= $seq AND t.seq <= $seq AND a.seq <= $seq
RETURN t.id, a.id, coalesce(e.seq, 0)

// name: concludes
// Which answer reached which conclusion.
MATCH (a:Answer {memory: $memory})-[e:CONCLUDES]->(c:Conclusion)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND c.seq <= $seq
RETURN a.id, c.id, coalesce(e.seq, 0)

// name: gave
// Which policy gave which answer.
MATCH (p:Policy {memory: $memory})-[e:GAVE]->(a:Answer)
WHERE coalesce(e.seq, 0) <= $seq AND p.seq <= $seq AND a.seq <= $seq
RETURN p.id, a.id, coalesce(e.seq, 0)

// name: similar
// Similarity edges of one generation, and those drawn by hand (without a generation).
MATCH (q:Query {memory: $memory})-[e:SIMILAR_TO]->(n:Query)
WHERE coalesce(e.generation, $generation) = $generation AND coalesce(e.seq, 0) <= $seq
    AND q.seq <= $seq AND n.seq <= $seq
RETURN q.id, n.id, coalesce(e.seq, 0), e.score

// name: sum_generated
// What a snapshot's edges of this type must add up to.
MATCH (a:Query {memory: $memory})-[e:GENERATED]->(b:Thinking)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND b.seq <= $seq
RETURN count(*), coalesce(sum(e.seq), 0), coalesce(sum(a.seq * b.seq), 0), sum(0.0)

// name: sum_leads_to
// What a snapshot's edges of this type must add up to.
MATCH (a:Thinking {memory: $memory})-[e:LEADS_TO]->(b:Answer)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND b.seq <= $seq
RETURN count(*), coalesce(sum(e.seq), 0), coalesce(sum(a.seq * b.seq), 0), sum(0.0)

// name: sum_concludes
// What a snapshot's edges of this type must add up to.
MATCH (a:Answer {memory: $memory})-[e:CONCLUDES]->(b:Conclusion)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND b.seq <= $seq
RETURN count(*), coalesce(sum(e.seq), 0), coalesce(sum(a.seq * b.seq), 0), sum(0.0)

// name: sum_gave
// What a snapshot's edges of this type must add up to.
MATCH (a:Policy {memory: $memory})-[e:GAVE]->(b:Answer)
WHERE coalesce(e.seq, 0) <= $seq AND a.seq <= $seq AND b.seq <= $seq
RETURN count(*), coalesce(sum(e.seq), 0), coalesce(sum(a.seq * b.seq), 0), sum(0.0)

// name: sum_similar
// What a snapshot's edges of this type must add up to; cosines only of edges not drawn by hand.
MATCH (a:Query {memory: $memory})-[e:SIMILAR_TO]->(b:Query)
WHERE coalesce(e.generation, $generation) = $generation AND coalesce(e.seq, 0) <= $seq
    AND a.seq <= $seq AND b.seq <= $seq
RETURN count(*), coalesce(sum(e.seq), 0), coalesce(sum(a.seq * b.seq), 0),
    coalesce(sum(CASE WHEN e.seq IS NULL THEN 0.0 ELSE e.score END), 0.0)

// name: nothing
// A transaction whose bookmark says which one was committed last.
RETURN 0
