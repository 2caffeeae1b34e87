"""The two databases: servers, stores, ingest, link, reading."""
