"""`python -m memreward` is `memreward`."""

from memreward.cli.main import app

app()
