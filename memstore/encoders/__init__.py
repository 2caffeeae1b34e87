"""Text encoders: which there are, and caches of what they made."""
