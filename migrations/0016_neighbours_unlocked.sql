-- An edge no longer locks the query that it leads to: with each batch, hundreds of rows all over the
-- table of queries were changed by that. What keeps such a query there is what always did: edges are
-- found and written in one transaction under the memory's lock, and a delete takes them along.
ALTER TABLE memreward.similar_to DROP CONSTRAINT similar_to_memory_neighbour_id_fkey;
