"""How the command starts and ends: Ctrl-C ends it with a word, and changes nothing after that."""

import signal
import sys


def main() -> None:
    """Run the command line."""
    try:
        from memreward.cli.main import app

        app()
    except KeyboardInterrupt:
        print("interrupted: nothing was begun", file=sys.stderr)
        raise SystemExit(130) from None
    except SystemExit as end:
        if end.code != 130:  # Then another Ctrl-C need not wait for threads.
            # What was done is done: while Python tidies up, Ctrl-C would make it look undone.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise
    finally:
        # Ctrl-C while a text is run (each dataclass is, where its module is read in) is kept by
        # Python 3.11 until the next text: answered or not, the process would die by the signal.
        exec("")
