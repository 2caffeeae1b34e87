"""Reads that need no snapshot: the whole graph, history, runs, statistics."""
