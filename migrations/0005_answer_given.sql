-- Whether the answer came as one or was marked in its completion; NULL: not known, from before.
ALTER TABLE memreward.rollout ADD COLUMN answer_given boolean;
