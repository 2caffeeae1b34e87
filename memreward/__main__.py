"""`python -m memreward` is `memreward`."""

from memreward.cli import app

app()
