"""Policies: loading, sampling, signals."""
