"""Whole runs: collecting, GRPO, teaching a small policy."""
