-- A memory may be divided into shards, each a memory of its own, named `<memory>@<number>-of-<count>`,
-- in these databases or in others. The first shard's databases know of all of them.
-- seq: up to this batch, the shard's queries have their neighbours in all shards, in `across`.
-- generation: of those edges; neighbours: how many a query gets. Both are the same for all shards.
-- made: tells the memory from a deleted one of the same name; incarnation: of the shard, once it
-- has rollouts.
CREATE TABLE memreward.shard (
    memory      text NOT NULL,
    number      integer NOT NULL CHECK (number > 0),
    made        uuid NOT NULL,
    seq         bigint NOT NULL,
    generation  integer NOT NULL,
    neighbours  integer NOT NULL CHECK (neighbours > 0),
    incarnation uuid,
    PRIMARY KEY (memory, number)
);

-- Similarity edges of a shard's queries to their nearest in all shards, whose databases need not be
-- these.
CREATE TABLE memreward.across (
    memory       text NOT NULL,
    generation   integer NOT NULL,
    query_id     text NOT NULL,
    neighbour_id text NOT NULL,
    rank         integer NOT NULL,
    score        double precision NOT NULL,
    PRIMARY KEY (memory, query_id, generation, neighbour_id),
    FOREIGN KEY (memory, query_id) REFERENCES memreward.query (memory, id) ON DELETE CASCADE
);
