"""The published MemReward model (arXiv 2603.19310), as a baseline."""
