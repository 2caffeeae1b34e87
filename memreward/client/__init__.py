"""Clients of a served or local memory."""
