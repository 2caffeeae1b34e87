"""Whether the two databases agree."""
