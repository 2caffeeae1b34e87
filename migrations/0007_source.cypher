// Who verifies; what sources have said is told by the batches that 0007_source.sql adds.
CREATE CONSTRAINT source_id IF NOT EXISTS FOR (n:Source) REQUIRE (n.memory, n.id) IS UNIQUE;
