-- What `scripts/large_memory` puts into Postgres: generated rows of the widths that real ones have.
-- memory: its name; queries, each: how many, and rollouts of each; verified: 1 of so many is.

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

INSERT INTO memreward.query (memory, id, dataset, domain, embedding, seq, text)
SELECT %(memory)s, md5(%(memory)s || 'q' || g), 'set-' || (g %% 7), 'math', embedding.numbers::real[]::vector, 1 + g / 500,
    'Question number ' || g || ': '
    || repeat('what is the sum of some numbers and others? ', 3 + g %% 5)
FROM generate_series(0, %(queries)s - 1) AS g,
    -- Naming g makes other numbers for each.
    LATERAL (
        SELECT array_agg(random() - 0.5) AS numbers FROM generate_series(g, g + 383)
    ) AS embedding;

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
    md5(%(memory)s || 'c' || g || '-' || said), 100 + (g + k) %% 400, true, vector, vector,
    1 + g / 500, repeat('I add the numbers one after another. ', 20),
    'The answer is ' || (g + said)
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(0, %(each)s - 1) AS k,
    LATERAL (SELECT (k * g) %% 4 AS said) AS conclusion,
    (SELECT array_agg(sin(n))::real[]::vector AS vector FROM generate_series(1, 384) AS n) AS one;

INSERT INTO memreward.model (memory, version, manifest, seq)
VALUES (%(memory)s, 'm1', '{"model": "generated"}', 1);

INSERT INTO memreward.source (memory, name, seq) VALUES (%(memory)s, 'checker', 1);

INSERT INTO memreward.verified_reward (memory, rollout_id, seq, source, value, run)
SELECT %(memory)s, md5(%(memory)s || 'r' || g || '-' || k), 1 + g / 500, 'checker',
    ((k * g) %% 4 = 0)::int, 'run-' || (k %% 4)
FROM generate_series(0, %(queries)s - 1, %(verified)s) AS g, generate_series(0, %(each)s - 1) AS k;

INSERT INTO memreward.propagated_reward (memory, rollout_id, seq, value, confidence, model)
SELECT %(memory)s, md5(%(memory)s || 'r' || g || '-' || k), %(queries)s / 500 + 1,
    CASE WHEN (g + k) %% 11 > 0 THEN ((g * 7 + k * 13) %% 100) / 100.0 END, .7, 'm1'
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(0, %(each)s - 1) AS k;

INSERT INTO memreward.similar_to (
    memory, generation, query_id, neighbour_id, rank, score, seq
)
SELECT %(memory)s, 1, md5(%(memory)s || 'q' || g),
    md5(%(memory)s || 'q' || ((g + k * 37) %% %(queries)s)), k,
    .95 - k * .05 - (g %% 10) * .05, 1 + g / 500
FROM generate_series(0, %(queries)s - 1) AS g, generate_series(1, 7) AS k;

VACUUM ANALYZE memreward.query, memreward.rollout, memreward.verified_reward,
    memreward.propagated_reward, memreward.similar_to, memreward.conclusion;
