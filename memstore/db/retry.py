"""Trying again after a lost connection: everything that memreward writes may be repeated."""

import time
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import uuid4

from schema.errors import UnreachableError

#: How long a database may be gone before an error says so.
PATIENCE_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0

T = TypeVar("T")


def retried(work: Callable[[], T]) -> T:
    """Result of `work`, called again as long as a database is out of reach.

    `work` must be safe to repeat even where its first call was done and only the answer was lost.

    Raises:
        UnreachableError: if that lasts for `PATIENCE_S` seconds.
    """
    deadline: float | None = None
    wait = _FIRST_WAIT_S
    while True:
        try:
            return work()
        except UnreachableError:
            now = time.monotonic()
            deadline = deadline or now + PATIENCE_S
            if now + wait > deadline:
                raise
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_S)


def new_token() -> str:
    """A name for one batch to be, by which its writer finds it after a lost answer."""
    return str(uuid4())
