"""What a page waits for briefly, and is made in a thread of its own meanwhile."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from schema.errors import MemrewardError

#: How long a page waits for it.
PATIENCE_S: Final = 0.3

T = TypeVar("T")


def begun(make: Callable[[], T], fault: str) -> Future[T]:
    """Begin to make something, in a thread that does not hold up the end of the process.

    Args:
        make: makes it; what it raises is raised to those who wait.
        fault: the message after a fault, whose traceback the terminal shows.
    """
    made: Future[T] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except MemrewardError as error:
            made.set_exception(error)
        finally:
            if not made.done():
                made.set_exception(MemrewardError(fault))

    threading.Thread(target=run, daemon=True).start()
    return made
