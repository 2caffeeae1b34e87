// name: ensure_memory
// The memory's own node, made before its first batch.
MERGE (m:Memory {memory: $memory}) ON CREATE SET m.seq = 0, m.generation = 0

// name: memory_seq
// How far Neo4j has been told.
MATCH (m:Memory {memory: $memory}) RETURN m.seq

// name: advance
// The fence: a batch is applied once, in order, or not at all.
MATCH (m:Memory {memory: $memory}) WHERE m.seq = $seq - 1 SET m.seq = $seq RETURN m.seq

// name: runs
// Runs that a batch brings.
UNWIND $rows AS row
MERGE (r:Run {memory: $memory, id: row.id})
ON CREATE SET r.policy = row.policy, r.checkpoint = row.checkpoint, r.seq = $seq
RETURN count(r)

// name: queries
// Queries that a batch brings.
UNWIND $rows AS row
MERGE (q:Query {memory: $memory, id: row.id})
ON CREATE SET q.text = row.text, q.dataset = row.dataset, q.domain = row.domain, q.seq = $seq
RETURN count(q)

// name: rollouts
// Rollouts that a batch brings: a Thinking and an Answer each, tied to their query and run.
UNWIND $rows AS row
MATCH (q:Query {memory: $memory, id: row.query_id}), (r:Run {memory: $memory, id: row.run})
MERGE (t:Thinking {memory: $memory, id: row.id})
ON CREATE SET t.text = row.thinking, t.seq = $seq
MERGE (a:Answer {memory: $memory, id: row.id})
ON CREATE SET a.text = row.answer, a.step = row.step, a.place = row.place,
    a.source_query_id = row.source_query_id, a.policy = row.policy,
    a.checkpoint = row.checkpoint, a.completion_tokens = row.completion_tokens,
    a.truncated = row.truncated, a.seq = $seq
MERGE (q)-[g:GENERATED]->(t) ON CREATE SET g.seq = $seq
MERGE (t)-[l:LEADS_TO]->(a) ON CREATE SET l.seq = $seq
MERGE (r)-[p:PRODUCED]->(a) ON CREATE SET p.step = row.step, p.seq = $seq
RETURN count(a)

// name: conclusions
// What answers of one query say.
UNWIND $rows AS row
MERGE (c:Conclusion {memory: $memory, id: row.id})
ON CREATE SET c.key = row.key, c.seq = $seq
RETURN count(c)

// name: concludes
// Answers that say the same thing meet in one conclusion.
UNWIND $rows AS row
MATCH (a:Answer {memory: $memory, id: row.answer_id})
MATCH (c:Conclusion {memory: $memory, id: row.conclusion_id})
MERGE (a)-[e:CONCLUDES]->(c) ON CREATE SET e.seq = $seq
RETURN count(e)

// name: similar
// Similarity edges of one generation, from a query to the neighbours it chose.
UNWIND $rows AS row
MATCH (q:Query {memory: $memory, id: row.query_id})
MATCH (n:Query {memory: $memory, id: row.neighbour_id})
MERGE (q)-[s:SIMILAR_TO {generation: $generation}]->(n)
ON CREATE SET s.memory = $memory, s.score = row.score, s.rank = row.rank,
    s.encoder = $encoder, s.seq = $seq
RETURN count(s)

// name: verified
// The current verified reward; earlier ones stay in Postgres.
UNWIND $rows AS row
MATCH (a:Answer {memory: $memory, id: row.rollout_id})
SET a.verified_reward = row.value, a.verified_source = row.source, a.verified_run = row.run,
    a.verified_at = datetime(row.at)
RETURN count(a)

// name: model
// A checkpoint, with the scalar part of its manifest.
MERGE (m:Model {memory: $memory, id: $version}) SET m += $properties, m.seq = $seq
RETURN count(m)

// name: propagated
// The current propagated reward; it never touches the verified one.
UNWIND $rows AS row
MATCH (a:Answer {memory: $memory, id: row.rollout_id})
SET a.propagated_reward = row.value, a.propagated_confidence = row.confidence,
    a.propagated_model = row.model, a.propagated_at = datetime(row.at)
RETURN count(a)

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

// name: delete_nodes
// Some of the nodes of a memory that is going; called until none is left.
MATCH (n:$($label) {memory: $memory})
WITH n LIMIT $limit
DETACH DELETE n
RETURN count(*)
