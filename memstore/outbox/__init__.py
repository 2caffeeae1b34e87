"""The write protocol: accepted in Postgres, published to Neo4j, recovered forward."""
