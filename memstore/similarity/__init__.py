"""Nearest neighbours of queries, exact and by an index."""
