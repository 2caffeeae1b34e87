"""Features of rollouts, and the worker and cache that compute them once."""
