-- Shards of a memory may lie in several pairs of databases.
-- pair: tells these databases from others, wherever they are moved to.
CREATE TABLE memreward.pair (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
INSERT INTO memreward.pair DEFAULT VALUES;

-- pair: the databases that hold the shard; address: where they were when the memory was divided.
ALTER TABLE memreward.shard ADD COLUMN pair uuid, ADD COLUMN address text;
UPDATE memreward.shard SET pair = (SELECT id FROM memreward.pair), address = '';
ALTER TABLE memreward.shard ALTER COLUMN pair SET NOT NULL, ALTER COLUMN address SET NOT NULL;

-- Memories that are divided, with the first shard in other databases: `pair`, once at `address`.
CREATE TABLE memreward.divided_elsewhere (
    memory  text PRIMARY KEY,
    made    uuid NOT NULL,
    shards  integer NOT NULL CHECK (shards > 1),
    pair    uuid NOT NULL,
    address text NOT NULL
);
