"""Lists of what to judge that take long: each is made once, while the pages are served."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memreward.look.request import Looked
from memstore.db import get_memory
from schema.errors import MemrewardError

#: Rollouts of a list.
LENGTH: Final = 100


class ListKind(StrEnum):
    """Which list."""

    #: Of `memreward suggest-labels`: a rollout of each query.
    SUGGESTED = "suggested"
    #: Of `memreward suspects`.
    SUSPECTS = "suspects"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A rollout that should be judged, and why."""

    rollout_id: str
    why: str


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
                found = self._made[memory, kind] = Future()
                threading.Thread(target=self._make, args=(memory, kind, found), daemon=True).start()
            if not found.done():
                return None
            if found.exception() is not None:
                del self._made[memory, kind]
        return found.result()

    def _make(self, memory: str, kind: ListKind, into: Future[MadeList]) -> None:
        try:
            seq = get_memory(self._looked.stores, memory).published_seq
            items = _MAKERS[kind](self._looked, memory)
            into.set_result(MadeList(seq=seq, items=tuple(items)))
        except MemrewardError as error:
            into.set_exception(error)
        finally:
            if not into.done():  # A fault, whose traceback the terminal shows.
                told = "the list could not be made: the terminal shows why"
                into.set_exception(MemrewardError(told))


def _suggested(looked: Looked, memory: str) -> list[Listed]:
    from gnn.jobs import suggest_whole_queries, whole_graph  # It takes seconds.

    graph = whole_graph(looked.stores, looked.settings, memory)
    return [
        Listed(rollout_id=row["rollouts"][0]["rollout_id"], why=row["why"])
        for row in suggest_whole_queries(looked.stores, graph, LENGTH)
        if row["rollouts"]
    ]


def _suspects(looked: Looked, memory: str) -> list[Listed]:
    from gnn.jobs import find_suspects

    found = find_suspects(looked.stores, looked.settings, memory, LENGTH)
    return [
        Listed(
            rollout_id=item.rollout_id,
            why=f"{', '.join(found.said[item.rollout_id])}: {item.reward:.2f}, while the rest of "
            f"the memory thinks {item.probability:.2f}",
        )
        for item in found.suspects
    ]


_MAKERS: Final[dict[ListKind, Callable[[Looked, str], list[Listed]]]] = {
    ListKind.SUGGESTED: _suggested,
    ListKind.SUSPECTS: _suspects,
}
