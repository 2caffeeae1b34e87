// name: lock_memory
// The memory's own node, made if it is not there, and locked until the transaction ends: writing a
// property takes the lock. What it says must be read in a later statement.
MERGE (m:Memory {memory: $memory})
ON CREATE SET m.seq = 0, m.generation = 0, m.incarnation = $incarnation
SET m.locked = true
REMOVE m.locked
RETURN count(m)

// name: memory_seq
// How far Neo4j has been told, and of which memory of that name.
MATCH (m:Memory {memory: $memory}) RETURN m.seq, m.incarnation

// name: lock_memories
// The same of several memories, in the order in which they are given.
UNWIND $memories AS one
MERGE (m:Memory {memory: one.memory})
ON CREATE SET m.seq = 0, m.generation = 0, m.incarnation = one.incarnation
SET m.locked = true
REMOVE m.locked
RETURN count(m)

// name: memory_seqs
// How far Neo4j has been told of several memories, and of which of that name.
UNWIND $memories AS one
MATCH (m:Memory {memory: one.memory}) RETURN m.memory, m.seq, m.incarnation

// name: advance
// The fence moves by one, or not at all.
MATCH (m:Memory {memory: $memory}) WHERE m.seq = $seq - 1 SET m.seq = $seq RETURN m.seq

// name: advance_several
// The fences of several memories.
UNWIND $batches AS batch
MATCH (m:Memory {memory: batch.memory}) WHERE m.seq = batch.seq - 1 SET m.seq = batch.seq
RETURN count(m)

// name: runs
// Runs that a batch brings.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (r:Run {memory: batch.memory, id: row.name})
ON CREATE SET r += row.run, r.seq = batch.seq
RETURN count(r)

// What a batch of rollouts brings is new: it is created in the transaction that moves the fence by one,
// once. `queries`, `rollouts`, `conclusions`, `concludes`, `gave` and `similar` below may be repeated.

// name: create_queries
// Queries that a batch brings.
UNWIND $batches AS batch UNWIND batch.rows AS row
CREATE (q:Query {memory: batch.memory, id: row.id, seq: batch.seq})
SET q += row.query
RETURN count(q)

// name: create_conclusions
// What answers of one query say.
UNWIND $batches AS batch UNWIND batch.rows AS row
CREATE (c:Conclusion {memory: batch.memory, id: row.id, seq: batch.seq})
SET c += row.conclusion
RETURN count(c)

// name: create_rollouts
// Rollouts that a batch brings: a Thinking and an Answer each, tied to their query and run, to what
// they conclude and to who gave them. Those that lack one of these are not counted.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (q:Query {memory: batch.memory, id: row.query_id}), (r:Run {memory: batch.memory, id: row.run})
CREATE (q)-[:GENERATED {seq: batch.seq}]->
    (t:Thinking {memory: batch.memory, id: row.id, seq: batch.seq})-[:LEADS_TO {seq: batch.seq}]->
    (a:Answer {memory: batch.memory, id: row.id, seq: batch.seq})
    <-[:PRODUCED {step: row.step, seq: batch.seq}]-(r)
SET t += row.thinking, a += row.answer
WITH batch, row, a
OPTIONAL MATCH (c:Conclusion {memory: batch.memory, id: row.conclusion_id})
OPTIONAL MATCH (p:Policy {memory: batch.memory, id: row.answer.policy})
FOREACH (one IN CASE WHEN c IS NULL THEN [] ELSE [c] END |
    CREATE (a)-[:CONCLUDES {seq: batch.seq}]->(one))
FOREACH (one IN CASE WHEN p IS NULL THEN [] ELSE [p] END |
    CREATE (one)-[:GAVE {
        step: row.step, checkpoint: row.answer.checkpoint, seq: batch.seq
    }]->(a))
RETURN count(CASE WHEN (row.conclusion_id IS NULL) = (c IS NULL)
    AND (row.answer.policy IS NULL) = (p IS NULL) THEN a END)

// name: create_similar
// Similarity edges of queries that a batch brings, to the neighbours that they chose.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (q:Query {memory: batch.memory, id: row.query_id})
MATCH (n:Query {memory: batch.memory, id: row.neighbour_id})
CREATE (q)-[s:SIMILAR_TO {
    generation: batch.generation, memory: batch.memory, score: row.score, rank: row.rank,
    encoder: batch.encoder, seq: batch.seq
}]->(n)
RETURN count(s)

// name: queries
// Queries that a batch brings.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (q:Query {memory: batch.memory, id: row.id})
ON CREATE SET q += row.query, q.seq = batch.seq
RETURN count(q)

// name: rollouts
// Rollouts that a batch brings: a Thinking and an Answer each, tied to their query and run.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (q:Query {memory: batch.memory, id: row.query_id}), (r:Run {memory: batch.memory, id: row.run})
MERGE (t:Thinking {memory: batch.memory, id: row.id})
ON CREATE SET t += row.thinking, t.seq = batch.seq
MERGE (a:Answer {memory: batch.memory, id: row.id})
ON CREATE SET a += row.answer, a.seq = batch.seq
MERGE (q)-[g:GENERATED]->(t) ON CREATE SET g.seq = batch.seq
MERGE (t)-[l:LEADS_TO]->(a) ON CREATE SET l.seq = batch.seq
MERGE (r)-[p:PRODUCED]->(a) ON CREATE SET p.step = row.step, p.seq = batch.seq
RETURN count(a)

// name: conclusions
// What answers of one query say.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (c:Conclusion {memory: batch.memory, id: row.id})
ON CREATE SET c += row.conclusion, c.seq = batch.seq
RETURN count(c)

// name: concludes
// Answers that say the same thing meet in one conclusion.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.answer_id})
MATCH (c:Conclusion {memory: batch.memory, id: row.conclusion_id})
MERGE (a)-[e:CONCLUDES]->(c) ON CREATE SET e.seq = batch.seq
RETURN count(e)

// name: policies
// Policies whose first answers a batch brings.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (p:Policy {memory: batch.memory, id: row.name})
ON CREATE SET p.seq = batch.seq
RETURN count(p)

// name: gave
// Which policy gave an answer, in which step and checkpoint of it.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (p:Policy {memory: batch.memory, id: row.policy})
MATCH (a:Answer {memory: batch.memory, id: row.answer_id})
MERGE (p)-[e:GAVE]->(a)
ON CREATE SET e.step = row.step, e.checkpoint = row.checkpoint, e.seq = batch.seq
RETURN count(e)

// name: similar
// Similarity edges of one generation, from a query to the neighbours it chose.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (q:Query {memory: batch.memory, id: row.query_id})
MATCH (n:Query {memory: batch.memory, id: row.neighbour_id})
MERGE (q)-[s:SIMILAR_TO {generation: batch.generation}]->(n)
ON CREATE SET s.memory = batch.memory, s.score = row.score, s.rank = row.rank,
    s.encoder = batch.encoder, s.seq = batch.seq
RETURN count(s)

// name: verified
// The current verified reward, from how many sources and how far they lie apart; what was said
// before stays in Postgres.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.rollout_id})
SET a.verified_reward = row.value, a.verified_source = row.source, a.verified_run = row.run,
    a.verified_at = datetime(row.at), a.verified_sources = row.sources,
    a.verified_spread = row.spread
RETURN count(a)

// name: sources
// Sources that speak for the first time in a batch.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (s:Source {memory: batch.memory, id: row.name})
ON CREATE SET s.seq = batch.seq
RETURN count(s)

// name: verified_by
// What sources said last of answers; each has one edge to an answer, however often it spoke.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (s:Source {memory: batch.memory, id: row.source})
MATCH (a:Answer {memory: batch.memory, id: row.rollout_id})
MERGE (s)-[e:VERIFIED]->(a)
ON CREATE SET e.seq = row.seq
SET e.reward = row.value, e.run = row.run, e.at = datetime(row.at), e.same_as = row.same_as
RETURN count(e)

// name: model
// A checkpoint, with the scalar part of its manifest.
MERGE (m:Model {memory: $memory, id: $version}) SET m += $properties, m.seq = $seq
RETURN count(m)

// name: propagated
// The current propagated reward; it never touches the verified one.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.rollout_id})
SET a.propagated_reward = row.value, a.propagated_confidence = row.confidence,
    a.propagated_model = row.model, a.propagated_at = datetime(row.at)
RETURN count(a)

// name: unpreferred
// An annotator's earlier word on these pairs, either way, is no longer current.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.better})
MATCH (b:Answer {memory: batch.memory, id: row.worse})
OPTIONAL MATCH (a)-[p:PREFERRED_TO {annotator: row.annotator}]-(b)
DELETE p
RETURN count(*)

// name: preferred
// Which of two answers of one query an annotator prefers.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.better})
MATCH (b:Answer {memory: batch.memory, id: row.worse})
MERGE (a)-[p:PREFERRED_TO {annotator: row.annotator}]->(b)
SET p.memory = batch.memory, p.at = datetime(row.at), p.seq = batch.seq
RETURN count(p)

// name: delete_rollouts
// Rollouts that go: Thinking and Answer, with all their edges.
UNWIND $rows AS id
OPTIONAL MATCH (t:Thinking {memory: $memory, id: id})
OPTIONAL MATCH (a:Answer {memory: $memory, id: id})
DETACH DELETE t, a

// name: delete_queries
// Queries that no rollout answers any more, with their similarity edges.
UNWIND $rows AS id
MATCH (n:Query {memory: $memory, id: id})
DETACH DELETE n

// name: delete_conclusions
// Conclusions that no answer reaches any more.
UNWIND $rows AS id
MATCH (n:Conclusion {memory: $memory, id: id})
DETACH DELETE n

// name: new_conclusions
// Conclusions of new keys, and those that another batch is now the first to reach.
UNWIND $batches AS batch UNWIND batch.rows AS row
MERGE (c:Conclusion {memory: batch.memory, id: row.id})
SET c += row.conclusion, c.seq = row.seq
RETURN count(c)

// name: leave_conclusions
// Answers that no longer reach these conclusions.
UNWIND $rows AS row
MATCH (:Answer {memory: $memory, id: row.answer_id})-[e:CONCLUDES]->
    (:Conclusion {memory: $memory, id: row.conclusion_id})
DELETE e

// name: reach_conclusions
// Answers that reach these conclusions from now on, as if from their own batch on.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (a:Answer {memory: batch.memory, id: row.answer_id})
MATCH (c:Conclusion {memory: batch.memory, id: row.conclusion_id})
MERGE (a)-[e:CONCLUDES]->(c) ON CREATE SET e.seq = row.seq
RETURN count(e)

// name: forget
// Thinkings that are forgotten; the text stays where the conclusion is read from it.
UNWIND $batches AS batch UNWIND batch.rows AS row
MATCH (t:Thinking {memory: batch.memory, id: row.id})
SET t.forgotten_seq = batch.seq, t.text = CASE WHEN row.keeps THEN t.text ELSE '' END
RETURN count(t)

// name: delete_policies
// Policies of which no answer is left.
UNWIND $rows AS id
MATCH (n:Policy {memory: $memory, id: id})
DETACH DELETE n

// name: delete_sources
// Sources that have verified nothing that is left.
UNWIND $rows AS id
MATCH (n:Source {memory: $memory, id: id})
DETACH DELETE n

// name: delete_run
// The run itself.
MATCH (n:Run {memory: $memory, id: $run})
DETACH DELETE n

// name: move_generation
// Readers see this generation from now on.
MATCH (m:Memory {memory: $memory}) SET m.generation = $generation RETURN count(m)

// name: drop_older_edges
// Some of the edges of older generations; called until none is left.
MATCH (q:Query {memory: $memory})-[s:SIMILAR_TO]->()
WHERE s.generation < $generation
WITH s LIMIT $limit
DELETE s
RETURN count(*)

// name: delete_nodes_Query
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Query {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Thinking
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Thinking {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Answer
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Answer {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Conclusion
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Conclusion {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Run
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Run {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Model
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Model {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Policy
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Policy {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Source
// Some of these nodes of a memory that is going; called until none is left.
MATCH (n:Source {memory: $memory}) WHERE n.id > ''
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: delete_nodes_Memory
// The memory's own node.
MATCH (n:Memory {memory: $memory})
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)

// name: stand
// The memory, copied as a whole, is at this batch and generation.
MATCH (m:Memory {memory: $memory}) SET m.seq = $seq, m.generation = $generation RETURN count(m)

// name: disown
// What Neo4j holds under this name is to be rebuilt for this incarnation of the memory.
MATCH (m:Memory {memory: $memory}) SET m.incarnation = $incarnation, m.seq = 0 RETURN count(m)
