"""Lists of rollouts that should be labelled, made by a process of its own.

Whoever serves pages does not keep what a list takes: scoring a memory holds all of it.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

from memreward.base import connected_to
from memstore import Settings
from memstore.db import Stores
from schema.errors import MemrewardError

#: It imports what it needs by itself: threads and connections of this one are not taken along.
_PROCESSES: Final = get_context("spawn")
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


def label_list(settings: Settings, memory: str, kind: ListKind) -> tuple[Listed, ...]:
    """A list of a memory, the first most worth a verdict; its process ends with this one.

    Raises:
        MemrewardError: as the command of the same list; also if the process died.
    """
    reads, writes = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_send, args=(writes, settings, memory, kind), daemon=True)
    process.start()
    writes.close()
    try:
        found = reads.recv()
    except EOFError as error:
        raise MemrewardError(
            f"the list of {memory!r} was not made: the terminal shows why"
        ) from error
    finally:
        reads.close()
        process.join()
    if isinstance(found, MemrewardError):
        raise found
    return found


def _send(into: Connection, settings: Settings, memory: str, kind: ListKind) -> None:
    """Make a list, and send it or why there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Whoever asked for it ends it.
    try:
        into.send(_made(settings, memory, kind))
    except MemrewardError as error:
        into.send(error)


def _made(settings: Settings, memory: str, kind: ListKind) -> tuple[Listed, ...]:
    with connected_to(memory, settings) as stores:
        if kind is ListKind.SUGGESTED:
            return _suggested(stores, memory)
        return _suspects(stores, settings, memory)


def _suggested(stores: Stores, memory: str) -> tuple[Listed, ...]:
    from gnn.jobs import suggest_whole_queries  # It takes seconds.

    return tuple(
        Listed(rollout_id=row["rollouts"][0]["rollout_id"], why=row["why"])
        for row in suggest_whole_queries(stores, memory, LENGTH)
    )


def _suspects(stores: Stores, settings: Settings, memory: str) -> tuple[Listed, ...]:
    from gnn.jobs import find_suspects

    found = find_suspects(stores, settings, memory, LENGTH)
    return tuple(
        Listed(
            rollout_id=item.rollout_id,
            why=f"{', '.join(found.said[item.rollout_id])}: {item.reward:.2f}, while the rest of "
            f"the memory thinks {item.probability:.2f}",
        )
        for item in found.suspects
    )
