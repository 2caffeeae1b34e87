"""A memory as a file and back, and Neo4j rebuilt from Postgres."""
