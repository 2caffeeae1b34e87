"""Lists of what to judge that take long: each is made once, while the pages are served."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final

from memreward.jobs import Listed, ListKind, label_list
from memreward.look.request import Looked
from memstore.browse import begun
from memstore.db import get_memory

#: What is said after a fault.
FAULT: Final = "the list could not be made: the terminal shows why"


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeList:
    """A list, the first of it most worth a verdict."""

    #: The batch that it knows of, at least.
    seq: int
    items: tuple[Listed, ...]


class Lists:
    """The lists of all memories that were asked for."""

    def __init__(self, looked: Looked) -> None:
        self._looked = looked
        self._made: dict[tuple[str, ListKind], Future[MadeList]] = {}
        self._lock = threading.Lock()
        #: Two at once would take twice the memory.
        self._one = threading.Lock()

    def of(self, memory: str, kind: ListKind, *, again: bool = False) -> MadeList | None:
        """A list; None: it is being made.

        Args:
            memory: whose.
            kind: which.
            again: make it again, if it is not being made.

        Raises:
            MemrewardError: what making it raised; the next call tries again.
        """
        with self._lock:
            found = self._made.get((memory, kind))
            if found is None or (again and found.done()):
                found = self._made[memory, kind] = begun(partial(self._make, memory, kind), FAULT)
            if not found.done():
                return None
            if found.exception() is not None:
                del self._made[memory, kind]
        return found.result()

    def _make(self, memory: str, kind: ListKind) -> MadeList:
        seq = get_memory(self._looked.stores_of(memory), memory).published_seq
        with self._one:
            items = label_list(self._looked.settings, memory, kind)
        return MadeList(seq=seq, items=items)
