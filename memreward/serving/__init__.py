"""A memory behind HTTP."""
