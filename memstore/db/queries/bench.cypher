// What somebody with the bare driver would write: the same nodes and edges as `outbox.cypher`, made
// without looking whether they are there, so that nothing can be tried again.

// name: runs
// Runs of a batch.
UNWIND $rows AS row
MERGE (r:Run {memory: $memory, id: row.name})
SET r += row.run, r.seq = $seq

// name: policies
// Policies of a batch.
UNWIND $rows AS row
MERGE (p:Policy {memory: $memory, id: row.name}) ON CREATE SET p.seq = $seq

// name: queries
// Queries of a batch.
UNWIND $rows AS row
CREATE (q:Query {memory: $memory, id: row.id, seq: $seq}) SET q += row.query

// name: rollouts
// Rollouts of a batch, tied to their query and run.
UNWIND $rows AS row
MATCH (q:Query {memory: $memory, id: row.query_id}), (r:Run {memory: $memory, id: row.run})
CREATE (q)-[:GENERATED {seq: $seq}]->
    (t:Thinking {memory: $memory, id: row.id, seq: $seq})
    -[:LEADS_TO {seq: $seq}]->
    (a:Answer {memory: $memory, id: row.id, seq: $seq, verified_reward: row.reward})
SET t += row.thinking, a += row.answer
CREATE (r)-[:PRODUCED {step: row.step, seq: $seq}]->(a)

// name: conclusions
// What answers of one query say.
UNWIND $rows AS row
CREATE (c:Conclusion {memory: $memory, id: row.id, seq: $seq}) SET c += row.conclusion

// name: concludes
// Which answer says what.
UNWIND $rows AS row
MATCH (a:Answer {memory: $memory, id: row.answer_id})
MATCH (c:Conclusion {memory: $memory, id: row.conclusion_id})
CREATE (a)-[:CONCLUDES {seq: $seq}]->(c)

// name: gave
// Which policy gave which answer.
UNWIND $rows AS row
MATCH (p:Policy {memory: $memory, id: row.policy})
MATCH (a:Answer {memory: $memory, id: row.answer_id})
CREATE (p)-[:GAVE {step: row.step, checkpoint: row.checkpoint, seq: $seq}]->(a)

// name: sources
// Sources of a batch.
UNWIND $rows AS row
MERGE (s:Source {memory: $memory, id: row.name}) ON CREATE SET s.seq = $seq

// name: verified_by
// Who verified which answer.
UNWIND $rows AS row
MATCH (s:Source {memory: $memory, id: row.source})
MATCH (a:Answer {memory: $memory, id: row.rollout_id})
CREATE (s)-[:VERIFIED {reward: row.value, run: row.run, at: datetime(row.at), seq: $seq}]->(a)

// name: similar
// Similarity edges of a batch.
UNWIND $rows AS row
MATCH (q:Query {memory: $memory, id: row.query_id})
MATCH (n:Query {memory: $memory, id: row.neighbour_id})
CREATE (q)-[:SIMILAR_TO {generation: 0, memory: $memory, score: row.score, rank: row.rank,
    seq: $seq}]->(n)

// name: hop_similar
// Some of the messages over SIMILAR_TO to each of these queries.
UNWIND $ids AS id
MATCH (t:Query {memory: $memory, id: id})
CALL (t) { MATCH (t)-[:SIMILAR_TO]->(s:Query) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_generated
// The messages from queries to these thinkings.
UNWIND $ids AS id
MATCH (t:Thinking {memory: $memory, id: id})
CALL (t) { MATCH (t)<-[:GENERATED]-(s:Query) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_rev_generated
// Some of the messages from thinkings to each of these queries.
UNWIND $ids AS id
MATCH (t:Query {memory: $memory, id: id})
CALL (t) { MATCH (t)-[:GENERATED]->(s:Thinking) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_leads_to
// The messages from thinkings to these answers.
UNWIND $ids AS id
MATCH (t:Answer {memory: $memory, id: id})
CALL (t) { MATCH (t)<-[:LEADS_TO]-(s:Thinking) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_rev_leads_to
// The messages from answers to these thinkings.
UNWIND $ids AS id
MATCH (t:Thinking {memory: $memory, id: id})
CALL (t) { MATCH (t)-[:LEADS_TO]->(s:Answer) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_concludes
// Some of the messages from answers to each of these conclusions.
UNWIND $ids AS id
MATCH (t:Conclusion {memory: $memory, id: id})
CALL (t) { MATCH (t)<-[:CONCLUDES]-(s:Answer) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_rev_concludes
// The messages from conclusions to these answers.
UNWIND $ids AS id
MATCH (t:Answer {memory: $memory, id: id})
CALL (t) { MATCH (t)-[:CONCLUDES]->(s:Conclusion) RETURN s LIMIT $count }
RETURN s.id, t.id

// name: hop_gave
// The messages from policies to these answers.
UNWIND $ids AS id
MATCH (t:Answer {memory: $memory, id: id})
CALL (t) { MATCH (t)<-[:GAVE]-(s:Policy) RETURN s LIMIT $count }
RETURN s.id, t.id
