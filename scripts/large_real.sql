-- The table of real rollouts that `scripts/large_memory` mixes: 8 for each query, by number.
CREATE TEMP TABLE real (
    n integer PRIMARY KEY, query text, thinking text, answer text,
    query_vector vector, thinking_vector vector, answer_vector vector
);

ALTER TABLE real ALTER query_vector SET STORAGE PLAIN, ALTER thinking_vector SET STORAGE PLAIN,
    ALTER answer_vector SET STORAGE PLAIN;
