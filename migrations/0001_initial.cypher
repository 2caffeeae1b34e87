// One node for one (memory, id), whoever writes.
CREATE CONSTRAINT memory_name IF NOT EXISTS FOR (n:Memory) REQUIRE n.memory IS UNIQUE;
CREATE CONSTRAINT run_id IF NOT EXISTS FOR (n:Run) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE CONSTRAINT query_id IF NOT EXISTS FOR (n:Query) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE CONSTRAINT thinking_id IF NOT EXISTS FOR (n:Thinking) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE CONSTRAINT answer_id IF NOT EXISTS FOR (n:Answer) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE CONSTRAINT conclusion_id IF NOT EXISTS FOR (n:Conclusion) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE CONSTRAINT model_id IF NOT EXISTS FOR (n:Model) REQUIRE (n.memory, n.id) IS UNIQUE;
CREATE INDEX query_dataset IF NOT EXISTS FOR (n:Query) ON (n.memory, n.dataset);
CREATE INDEX answer_propagated IF NOT EXISTS FOR (n:Answer) ON (n.memory, n.propagated_reward);
CREATE INDEX answer_verified IF NOT EXISTS FOR (n:Answer) ON (n.memory, n.verified_reward);
