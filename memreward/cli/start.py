"""How the command starts: Ctrl-C ends it with a word also while its modules are read in."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from memreward.cli.main import app

        app()
    except KeyboardInterrupt:
        print("interrupted: nothing was begun", file=sys.stderr)
        raise SystemExit(130) from None
