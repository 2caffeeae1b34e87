-- What `scripts/large_memory` puts into Postgres: rollouts mixed from real ones.
-- memory: its name; queries, each: how many, and rollouts of each; verified: 1 of so many is;
-- postgres: whether it is there to be looked at only, with rewards of a model that there is not.
-- real: table of real rollouts by number, 8 for each of `given` queries. The vectors of query g are
-- normalised mixtures of those of two real queries, its texts those of the first, numbered.

-- Foreign keys are not checked: what refers to each other is made by the same rule.
SET session_replication_role = replica;

INSERT INTO memreward.memory (
    name, encoder, dimension, neighbours, keys_version,
    seq, published_seq, generation, published_generation, linked_seq
)
SELECT %(memory)s, %(encoder)s, 384, 7, %(keys_version)s, last, last, 1, 1, last
FROM (SELECT %(queries)s / 500 + 2 AS last) AS batches;

INSERT INTO memreward.batch (memory, seq, kind, published_at)
SELECT %(memory)s, g, 'ingest', now() FROM generate_series(1, %(queries)s / 500 + 2) AS g;

INSERT INTO memreward.run (memory, name, policy, seq)
SELECT %(memory)s, 'run-' || g, 'policy-' || g, 1 FROM generate_series(0, 3) AS g;

INSERT INTO memreward.policy (memory, name, seq)
SELECT %(memory)s, 'policy-' || g, 1 FROM generate_series(0, 3) AS g;

ANALYZE real;

CREATE TEMP TABLE share AS
SELECT n, array_fill(part, ARRAY[384])::vector AS one, array_fill(1 - part, ARRAY[384])::vector AS other
FROM generate_series(0, 15) AS n, LATERAL (SELECT (.3 + .4 * n / 15.0)::real AS part) AS parts;

CREATE TEMP VIEW pair AS
SELECT g, 8 * ((g::bigint * 7919 + 13) %% %(given)s) AS one,
    8 * ((g::bigint * 104729 + 7 + g / %(given)s) %% %(given)s) AS other, share.one AS mine, share.other AS its
FROM generate_series(0, %(queries)s - 1) AS g JOIN share ON share.n = (g::bigint * 31) %% 16;

INSERT INTO memreward.query (memory, id, dataset, domain, embedding, seq, text)
SELECT %(memory)s, md5(%(memory)s || 'q' || g), 'set-' || (g %% 7), 'math',
    l2_normalize(a.query_vector * mine + b.query_vector * its), 1 + g / 500,
    a.query || ' (' || g || ')'
FROM pair JOIN real AS a ON a.n = one JOIN real AS b ON b.n = other;

INSERT INTO memreward.conclusion (memory, id, key, seq)
SELECT %(memory)s, md5(%(memory)s || 'c' || g || '-' || k), 'n:' || (g + k), 1 + g / 500
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(0, 3) AS k;

-- A conclusion is right if it is the first of its query; later steps reach it more often.
INSERT INTO memreward.rollout (
    memory, id, query_id, run, source_query_id, step, place, content_hash, policy, conclusion_id,
    completion_tokens, answer_given, thinking_embedding, answer_embedding, seq, thinking, answer
)
SELECT %(memory)s, md5(%(memory)s || 'r' || g || '-' || k), md5(%(memory)s || 'q' || g),
    'run-' || (k %% 4), 'q' || g, g / 500, k, 'h', 'policy-' || (k %% 4),
    md5(%(memory)s || 'c' || g || '-' || (k * g) %% 4), 100 + (g + k) %% 400, true,
    l2_normalize(a.thinking_vector * mine + b.thinking_vector * its),
    l2_normalize(a.answer_vector * mine + b.answer_vector * its),
    1 + g / 500, a.thinking || ' (' || g || ')', a.answer
FROM pair, generate_series(0, %(each)s - 1) AS k, real AS a, real AS b
WHERE a.n = one + k %% 8 AND b.n = other + k %% 8;

INSERT INTO memreward.model (memory, version, manifest, seq)
SELECT %(memory)s, 'm1', '{"model": "generated"}', 1 WHERE %(postgres)s;

INSERT INTO memreward.source (memory, name, seq) VALUES (%(memory)s, 'checker', 1);

INSERT INTO memreward.verified_reward (memory, rollout_id, seq, source, value, run)
SELECT %(memory)s, md5(%(memory)s || 'r' || g || '-' || k), 1 + g / 500, 'checker',
    ((k * g) %% 4 = 0)::int, 'run-' || (k %% 4)
FROM generate_series(0, %(queries)s - 1, %(verified)s) AS g, generate_series(0, %(each)s - 1) AS k;

INSERT INTO memreward.propagated_reward (memory, rollout_id, seq, value, confidence, model)
SELECT %(memory)s, md5(%(memory)s || 'r' || g || '-' || k), %(queries)s / 500 + 1,
    CASE WHEN (g + k) %% 11 > 0 THEN ((g * 7 + k * 13) %% 100) / 100.0 END, .7, 'm1'
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(0, %(each)s - 1) AS k
WHERE %(postgres)s;

INSERT INTO memreward.similar_to (
    memory, generation, query_id, neighbour_id, rank, score, seq
)
SELECT %(memory)s, 1, md5(%(memory)s || 'q' || g),
    md5(%(memory)s || 'q' || ((g + k * 37) %% %(queries)s)), k,
    .95 - k * .05 - (g %% 10) * .05, 1 + g / 500
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(1, 7) AS k;

VACUUM ANALYZE memreward.query, memreward.rollout, memreward.verified_reward,
    memreward.propagated_reward, memreward.similar_to, memreward.conclusion;
