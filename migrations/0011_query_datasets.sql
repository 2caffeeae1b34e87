-- The data sets of a memory are found by jumping from one to the next, and the queries of one of them
-- without reading the others.
CREATE INDEX query_of_dataset ON memreward.query (memory, dataset);
