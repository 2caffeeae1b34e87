// name: most_promising_answers
// Which conclusions does the memory believe in most, of those not verified?
MATCH (q:Query {memory: $memory})-[:GENERATED]->()
    -[:LEADS_TO]->(a:Answer)-[:CONCLUDES]->(c)
WHERE a.propagated_reward IS NOT NULL
RETURN q.text AS query, c.key AS conclusion, count(a) AS rollouts,
    avg(a.propagated_reward) AS reward
ORDER BY reward DESC, query LIMIT 4

// name: where_the_policy_is_weak
// On which datasets does the policy do well, as verified and as believed?
MATCH (q:Query {memory: $memory})-[:GENERATED]->()-[:LEADS_TO]->(a:Answer)
RETURN q.dataset AS dataset, count(a) AS rollouts,
    count(a.verified_reward) AS verified,
    avg(a.verified_reward) AS mean_verified,
    avg(a.propagated_reward) AS mean_propagated
ORDER BY mean_propagated DESC

// name: verified_neighbours
// Which unverified queries lie close to one whose answers were verified?
MATCH (m:Memory {memory: $memory})
MATCH (q:Query {memory: $memory})
    -[s:SIMILAR_TO {generation: m.generation}]->(n:Query)
WHERE EXISTS {
    (q)-[:GENERATED]->()-[:LEADS_TO]->(a:Answer)
    WHERE a.propagated_reward > 0.3
}
MATCH (n)-[:GENERATED]->()-[:LEADS_TO]->(b:Answer)
WHERE b.verified_reward IS NOT NULL
RETURN q.text AS query, n.text AS verified_neighbour, s.score AS cosine,
    avg(b.verified_reward) AS its_mean_reward
ORDER BY cosine DESC, query LIMIT 4
