// name: memory
// The last batch that Neo4j was told.
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
MATCH (n:Answer {memory: $memory}) WHERE n.seq <= $seq RETURN n.id, n.text, n.policy, n.step

// name: conclusions
// All conclusions up to a sequence number.
MATCH (n:Conclusion {memory: $memory}) WHERE n.seq <= $seq RETURN n.id, n.key

// name: policies
// All policies up to a sequence number.
MATCH (n:Policy {memory: $memory}) WHERE n.seq <= $seq RETURN n.id

// name: sources
// All sources up to a sequence number.
MATCH (n:Source {memory: $memory}) WHERE n.seq <= $seq RETURN n.id

// name: propagated
// The current propagated reward of each answer that has one.
MATCH (a:Answer {memory: $memory}) WHERE a.propagated_model IS NOT NULL
RETURN a.id, a.propagated_reward

// name: counts
// What a memory holds.
MATCH (m:Memory {memory: $memory})
RETURN
    m.seq AS seq,
    m.generation AS generation,
    COUNT { (:Query {memory: $memory}) } AS queries,
    COUNT { (:Answer {memory: $memory}) } AS rollouts,
    COUNT { (:Conclusion {memory: $memory}) } AS conclusions,
    COUNT { (q:Query {memory: $memory})-[s:SIMILAR_TO]->() WHERE s.generation = m.generation }
        AS similar_to,
    COUNT { (r:Run {memory: $memory}) } AS runs,
    COUNT { (v:Model {memory: $memory}) } AS models,
    COUNT { (a:Answer {memory: $memory}) WHERE a.verified_reward IS NOT NULL } AS verified,
    COUNT { (a:Answer {memory: $memory}) WHERE a.propagated_reward IS NOT NULL } AS propagated

// name: datasets
// The same per dataset.
MATCH (q:Query {memory: $memory})-[:GENERATED]->()-[:LEADS_TO]->(a:Answer)
RETURN q.domain AS domain, q.dataset AS dataset, count(DISTINCT q) AS queries,
    count(a) AS rollouts, count(a.verified_reward) AS verified,
    count(a.propagated_reward) AS propagated, avg(a.verified_reward) AS mean_verified,
    avg(a.propagated_reward) AS mean_propagated
ORDER BY domain, dataset

// name: runs
// What each run of a memory brought, as published. A query is counted for each run that asked it.
MATCH (r:Run {memory: $memory})
OPTIONAL MATCH (r)-[p:PRODUCED]->(a:Answer)
OPTIONAL MATCH (q:Query)-[:GENERATED]->(:Thinking)-[:LEADS_TO]->(a)
RETURN r.id AS run, r.policy AS policy, r.checkpoint AS checkpoint,
    count(DISTINCT q) AS queries, count(DISTINCT a) AS rollouts,
    min(p.step) AS first_step, max(p.step) AS last_step,
    count(a.verified_reward) AS verified, count(a.propagated_reward) AS propagated,
    avg(a.verified_reward) AS mean_verified, avg(a.propagated_reward) AS mean_propagated
ORDER BY run
