"""`python -m memreward` is `memreward`."""

from memreward.cli.start import main

main()
