-- What is shown of runs and their steps is read from this index alone, without the rollouts' texts
-- and embeddings.
DROP INDEX memreward.rollout_of_run;
CREATE INDEX rollout_of_run ON memreward.rollout (memory, run, step)
    INCLUDE (policy, seq, completion_tokens, query_id, conclusion_id, id);
