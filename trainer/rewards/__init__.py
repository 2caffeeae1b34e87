"""Reward functions for TRL: verified, propagated, masked."""
