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
    finally:
        # Ctrl-C while a text is run (each dataclass is, where its module is read in) is kept by
        # Python 3.11 until the next text: answered or not, the process would die by the signal.
        exec("")
