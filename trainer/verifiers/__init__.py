"""Verifiers in confined processes."""
