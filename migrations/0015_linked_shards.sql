-- linked_seq: of the shard's queries, those up to this batch were considered as neighbours of all
-- queries of the memory when it was linked last; 0: it never was.
ALTER TABLE memreward.shard ADD COLUMN linked_seq bigint NOT NULL DEFAULT 0;
