"""Sums of verified rewards, read in the background: a page does not wait for them long."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

from memstore.browse.brief_read import View, open_view
from memstore.browse.in_background import PATIENCE_S, begun
from memstore.browse.last_kept import LastKept
from memstore.browse.verified_totals import Totals, VerifiedTotals
from memstore.db import Stores

#: What is said after a fault.
FAULT: Final = "sums of rewards could not be read: see the terminal"
#: They may take longer than a statement that somebody waits for.
TIMEOUT_MS: Final = 300_000
#: Readings that are kept or go on, of all memories and times.
MOST_READ: Final = 16

#: Memory, incarnation, and the batches that are published and seen.
_Key = tuple[str, str, int, int]


class AwaitedTotals:
    """What a server keeps of the memories that it shows. Threads may share it."""

    def __init__(self, stores_of: Callable[[str], Stores]) -> None:
        """Nothing is read yet; `stores_of` tells a memory's databases by its name."""
        self._stores_of = stores_of
        self._totals = VerifiedTotals()
        self._read: LastKept[_Key, Future[Totals]] = LastKept(MOST_READ)
        self._lock = threading.Lock()
        #: One after the other: they take turns at the same rows.
        self._one = threading.Lock()

    def of(self, view: View) -> Totals | None:
        """The sums of a view; None: they are still being read.

        Raises:
            MemrewardError: what reading them raised; the next call tries again.
        """
        state = view.state
        key = (state.name, state.incarnation, state.published_seq, view.seq)
        with self._lock:
            found = self._read.get(key)
            if found is None or (found.done() and found.exception() is not None):
                found = begun(partial(self._sums, state.name, view.seq), FAULT)
                self._read.put(key, found)
        try:
            return found.result(PATIENCE_S)
        except TimeoutError:
            return None

    def _sums(self, memory: str, seq: int) -> Totals:
        with self._one, open_view(self._stores_of(memory), memory, seq, TIMEOUT_MS) as view:
            return self._totals.of(view)
