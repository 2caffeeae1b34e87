"""The changes of a memory: ingest, labels, propagated rewards, links, deleted runs."""
