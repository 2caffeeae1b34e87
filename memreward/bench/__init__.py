"""Benchmarks beside rivals in the same process."""
