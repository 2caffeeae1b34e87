"""Features, HeteroData, models, training, inference, evaluation, checkpoints."""
