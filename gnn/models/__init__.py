"""The models that predict rewards, by name."""
