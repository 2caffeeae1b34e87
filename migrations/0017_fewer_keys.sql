-- What a batch of rollouts changes all over the database, and hardly anybody reads, goes: a page of
-- each such key is read, changed and logged. The rollouts of a conclusion are found through its query;
-- edges to queries that are deleted, by a look at all edges.
DROP INDEX memreward.rollout_of_conclusion;
DROP INDEX memreward.similar_to_neighbour;
-- Conclusions are written with the rollouts that need them, under the memory's lock, and only a delete
-- or a re-keying, during which nothing is accepted, takes those away that no rollout reaches.
ALTER TABLE memreward.rollout DROP CONSTRAINT rollout_memory_conclusion_id_fkey;
