"""Reward functions for other trainers, thin over one client; see docs/other-trainers.md."""
