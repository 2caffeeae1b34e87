"""Calibration, abstention, novelty, risk and coverage."""
