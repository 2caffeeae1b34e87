-- The version of the conclusion keys that a memory was made with: answers of two versions do not meet.
ALTER TABLE memreward.memory ADD COLUMN keys_version integer NOT NULL DEFAULT 1;
