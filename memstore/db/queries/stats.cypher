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
