"""Scoring requests: queueing and sample numbers."""
