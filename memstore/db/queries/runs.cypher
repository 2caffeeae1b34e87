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
