"""Simple baselines: constant, majority, kNN, logistic regression."""
