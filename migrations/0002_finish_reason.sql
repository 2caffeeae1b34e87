-- Why the policy's engine ended a completion, in its own words; NULL: not given.
ALTER TABLE memreward.rollout ADD COLUMN finish_reason text;
