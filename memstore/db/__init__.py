"""The boundary to the two databases: drivers, sessions, named queries, retries."""
