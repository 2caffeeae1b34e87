"""Numbered migrations of both databases, and what applies them."""
