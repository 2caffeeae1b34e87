-- The accepted half of every memory: what Postgres holds is what was promised.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS memreward;

-- A memory, stamped with its encoder. seq: last accepted batch; published_seq: last batch in Neo4j.
-- incarnation: tells it from a deleted one of the same name; linked_seq: queries up to this batch
-- were considered by the last link. importing: an import has begun and not finished; rebuilding: so
-- has the making anew of its graph in Neo4j; encoder_path: the folder of the encoder's model, NULL
-- for the default encoder.
CREATE TABLE memreward.memory (
    name          text PRIMARY KEY,
    encoder       text NOT NULL,
    dimension     integer NOT NULL CHECK (dimension > 0),
    neighbours    integer NOT NULL CHECK (neighbours > 0),
    incarnation   uuid NOT NULL DEFAULT gen_random_uuid(),
    seq           bigint NOT NULL DEFAULT 0,
    published_seq bigint NOT NULL DEFAULT 0 CHECK (published_seq <= seq),
    linked_seq    bigint NOT NULL DEFAULT 0,
    generation    integer NOT NULL DEFAULT 0,
    published_generation integer NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    importing     boolean NOT NULL DEFAULT false,
    rebuilding    boolean NOT NULL DEFAULT false,
    encoder_path  text
);

-- Every change, in order. The payload is what Neo4j still has to be told and no other table says;
-- NULL once it was.
-- token: made by the writer, so that it finds its batch after a commit that it did not hear of.
-- tries: failed publications; reason: of the last one.
CREATE TABLE memreward.batch (
    memory         text NOT NULL REFERENCES memreward.memory (name),
    seq            bigint NOT NULL,
    kind           text NOT NULL,
    payload        json,
    accepted_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at   timestamptz,
    quarantined_at timestamptz,
    tries          integer NOT NULL DEFAULT 0,
    reason         text,
    token          uuid,
    PRIMARY KEY (memory, seq),
    UNIQUE (memory, token)
);

CREATE TABLE memreward.run (
    memory     text NOT NULL REFERENCES memreward.memory (name),
    name       text NOT NULL,
    policy     text,
    checkpoint text,
    seq        bigint NOT NULL,
    PRIMARY KEY (memory, name)
);

CREATE TABLE memreward.query (
    memory    text NOT NULL REFERENCES memreward.memory (name),
    id        text NOT NULL,
    dataset   text NOT NULL,
    domain    text NOT NULL,
    embedding vector NOT NULL,
    seq       bigint NOT NULL,
    text      text NOT NULL,
    PRIMARY KEY (memory, id)
);
CREATE INDEX query_of_batch ON memreward.query (memory, seq);

-- What answers of one query say.
CREATE TABLE memreward.conclusion (
    memory text NOT NULL REFERENCES memreward.memory (name),
    id     text NOT NULL,
    key    text NOT NULL,
    seq    bigint NOT NULL,
    PRIMARY KEY (memory, id)
);
CREATE INDEX conclusion_of_batch ON memreward.conclusion (memory, seq);

CREATE TABLE memreward.rollout (
    memory             text NOT NULL,
    id                 text NOT NULL,
    query_id           text NOT NULL,
    run                text NOT NULL,
    source_query_id    text NOT NULL,
    step               integer NOT NULL,
    place              integer NOT NULL,
    content_hash       text NOT NULL,
    policy             text,
    checkpoint         text,
    conclusion_id      text,
    completion_tokens  integer,
    truncated          boolean,
    policy_signals     real[],
    thinking_embedding vector NOT NULL,
    answer_embedding   vector NOT NULL,
    seq                bigint NOT NULL,
    thinking           text NOT NULL,
    answer             text NOT NULL,
    PRIMARY KEY (memory, id),
    FOREIGN KEY (memory, query_id) REFERENCES memreward.query (memory, id),
    FOREIGN KEY (memory, conclusion_id) REFERENCES memreward.conclusion (memory, id),
    FOREIGN KEY (memory, run) REFERENCES memreward.run (memory, name)
);
CREATE INDEX rollout_of_query ON memreward.rollout (memory, query_id);
CREATE INDEX rollout_of_run ON memreward.rollout (memory, run);
CREATE INDEX rollout_of_batch ON memreward.rollout (memory, seq);
CREATE INDEX rollout_of_conclusion ON memreward.rollout (memory, conclusion_id);

-- The policy's hidden state over one rollout, of any dimension, stamped with policy and layer.
CREATE TABLE memreward.policy_embedding (
    memory     text NOT NULL,
    rollout_id text NOT NULL,
    policy     text NOT NULL,
    layer      text NOT NULL,
    embedding  vector NOT NULL,
    seq        bigint NOT NULL,
    PRIMARY KEY (memory, rollout_id, policy, layer),
    FOREIGN KEY (memory, rollout_id) REFERENCES memreward.rollout (memory, id)
);
CREATE INDEX policy_embedding_of_batch ON memreward.policy_embedding (memory, seq);

-- Who verified what and when; nothing is overwritten. Current is the mean, over sources, of what
-- each source said last.
CREATE TABLE memreward.verified_reward (
    memory     text NOT NULL,
    rollout_id text NOT NULL,
    seq        bigint NOT NULL,
    source     text NOT NULL,
    value      double precision NOT NULL CHECK (value BETWEEN 0 AND 1),
    run        text,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (memory, rollout_id, seq, source),
    FOREIGN KEY (memory, rollout_id) REFERENCES memreward.rollout (memory, id)
);
CREATE INDEX verified_reward_of_batch ON memreward.verified_reward (memory, seq);

-- Who prefers which of two rollouts of one query; nothing is overwritten, an annotator's latest word
-- on a pair is current.
CREATE TABLE memreward.preference (
    memory    text NOT NULL,
    better    text NOT NULL,
    worse     text NOT NULL CHECK (worse <> better),
    annotator text NOT NULL,
    seq       bigint NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (memory, better, worse, annotator, seq),
    FOREIGN KEY (memory, better) REFERENCES memreward.rollout (memory, id),
    FOREIGN KEY (memory, worse) REFERENCES memreward.rollout (memory, id)
);
CREATE INDEX preference_of_worse ON memreward.preference (memory, worse);
CREATE INDEX preference_of_batch ON memreward.preference (memory, seq);

-- A trained checkpoint and its manifest.
CREATE TABLE memreward.model (
    memory     text NOT NULL REFERENCES memreward.memory (name),
    version    text NOT NULL,
    manifest   json NOT NULL,
    seq        bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (memory, version)
);

-- What a model concluded and when; value NULL: no opinion.
CREATE TABLE memreward.propagated_reward (
    memory     text NOT NULL,
    rollout_id text NOT NULL,
    seq        bigint NOT NULL,
    value      double precision CHECK (value BETWEEN 0 AND 1),
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    model      text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (memory, rollout_id, seq),
    FOREIGN KEY (memory, rollout_id) REFERENCES memreward.rollout (memory, id),
    FOREIGN KEY (memory, model) REFERENCES memreward.model (memory, version)
);
CREATE INDEX propagated_reward_of_batch ON memreward.propagated_reward (memory, seq);

-- Similarity edges by generation; readers see the memory's current generation only.
CREATE TABLE memreward.similar_to (
    memory       text NOT NULL,
    generation   integer NOT NULL,
    query_id     text NOT NULL,
    neighbour_id text NOT NULL,
    rank         integer NOT NULL,
    score        double precision NOT NULL,
    seq          bigint NOT NULL,
    PRIMARY KEY (memory, generation, query_id, neighbour_id),
    FOREIGN KEY (memory, query_id) REFERENCES memreward.query (memory, id),
    FOREIGN KEY (memory, neighbour_id) REFERENCES memreward.query (memory, id)
);
CREATE INDEX similar_to_neighbour ON memreward.similar_to (memory, neighbour_id);
CREATE INDEX similar_to_of_batch ON memreward.similar_to (memory, seq);

-- Embeddings by an encoder that is to replace the memory's, while they are being made.
-- part: query, thinking or answer; id: of the query or the rollout.
CREATE TABLE memreward.new_embedding (
    memory    text NOT NULL REFERENCES memreward.memory (name),
    part      text NOT NULL,
    id        text NOT NULL,
    encoder   text NOT NULL,
    embedding vector NOT NULL,
    PRIMARY KEY (memory, part, id)
);
