"""Sums of verified rewards, read in the background: a page does not wait for them long."""

import threading
from concurrent.futures import Future
from typing import Final

from memstore.browse.brief_read import View, open_view
from memstore.browse.last_kept import LastKept
from memstore.browse.verified_totals import Totals, VerifiedTotals
from memstore.db import Stores
from schema.errors import MemrewardError

#: How long a page waits for them.
PATIENCE_S: Final = 0.3
#: They may take longer than a statement that somebody waits for.
TIMEOUT_MS: Final = 300_000
#: Readings that are kept or go on, of all memories and times.
MOST_READ: Final = 16

#: Memory, incarnation, and the batches that are published and seen.
_Key = tuple[str, str, int, int]


class AwaitedTotals:
    """What a server keeps of the memories that it shows. Threads may share it."""

    def __init__(self, stores: Stores) -> None:
        """Nothing is read yet."""
        self._stores = stores
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
                found = Future()
                self._read.put(key, found)
                reading = (state.name, view.seq, found)
                threading.Thread(target=self._fill, args=reading, daemon=True).start()
        try:
            return found.result(PATIENCE_S)
        except TimeoutError:
            return None

    def _fill(self, memory: str, seq: int, into: Future[Totals]) -> None:
        try:
            with self._one, open_view(self._stores, memory, seq, TIMEOUT_MS) as view:
                into.set_result(self._totals.of(view))
        except MemrewardError as error:
            into.set_exception(error)
        finally:
            if not into.done():  # A fault, whose traceback the terminal shows.
                into.set_exception(
                    MemrewardError("sums of rewards could not be read: see the terminal")
                )
