-- A rollout may be forgotten: what no reward is made of goes, the row stays.
-- forgotten_seq: batch that forgot it; NULL: it is whole. kept_features: what its texts showed, by
-- the names that its memory has for them; thinking_characters: length of the thinking that went.
ALTER TABLE memreward.memory ADD COLUMN feature_names text[] NOT NULL DEFAULT '{}';
ALTER TABLE memreward.rollout
    ALTER COLUMN thinking_embedding DROP NOT NULL,
    ALTER COLUMN answer_embedding DROP NOT NULL,
    ADD COLUMN forgotten_seq bigint,
    ADD COLUMN kept_features real[],
    ADD COLUMN thinking_characters integer,
    ADD CONSTRAINT whole_or_forgotten CHECK (
        (forgotten_seq IS NULL) = (thinking_embedding IS NOT NULL)
        AND (forgotten_seq IS NULL) = (answer_embedding IS NOT NULL)
        AND (forgotten_seq IS NULL) = (kept_features IS NULL)
        AND (forgotten_seq IS NULL) = (thinking_characters IS NULL)
    );

-- What is to be forgotten, with all that is kept of it, until the batch that does so is published.
-- keeps_thinking: its conclusion is read from there.
CREATE TABLE memreward.to_forget (
    memory              text NOT NULL REFERENCES memreward.memory (name),
    rollout_id          text NOT NULL,
    kept_features       real[] NOT NULL,
    thinking_characters integer NOT NULL,
    keeps_thinking      boolean NOT NULL,
    PRIMARY KEY (memory, rollout_id)
);
