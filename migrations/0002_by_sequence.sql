-- What a batch brought is found without looking at what came before it: a snapshot catches up so.
CREATE INDEX policy_embedding_of_batch ON memreward.policy_embedding (memory, seq);
