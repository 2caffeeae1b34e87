"""Input files: rows of JSON Lines and Parquet read as rollouts."""
