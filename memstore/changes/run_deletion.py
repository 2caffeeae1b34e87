"""Deleting a run: its rollouts, their labels and rewards, and what no other run uses.

The batch is the tombstone: it lists every id that goes. Publishing it removes them from Neo4j a
page at a time, then from Postgres, so that a delete that was cut off is carried to its end by the
next publication. Nothing else is accepted until then: the batch fixes what is deleted.
"""

from dataclasses import asdict, dataclass
from typing import Any

from memstore.db import SqlSession, Stores, get_memory
from memstore.outbox import MemoryLock, OutboxBatch, begin_change, commit_long_change, every_memory
from schema.batch import BatchKind
from schema.errors import InputError, UnknownMemoryError


@dataclass(frozen=True, kw_only=True)
class Contents:
    """How much a delete removes. Rewards and preferences are counted with their history."""

    runs: int
    rollouts: int
    queries: int
    conclusions: int
    verified: int
    propagated: int
    preferences: int
    similar_to: int
    models: int = 0

    def lines(self) -> list[str]:
        """A line a kind of thing."""
        return [f"{count:>10,} {name}" for name, count in asdict(self).items() if count]


def memory_contents(stores: Stores, memory: str) -> Contents:
    """What `delete_memory` would remove; also of a memory whose delete or import was cut off.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    if memory not in every_memory(stores):
        raise UnknownMemoryError(
            f"there is no memory {memory!r}: `memreward stats` lists the memories"
        )
    with stores.vectors.transaction("delete.sql") as session:
        row = session.row("counts_of_memory", memory=memory)
    assert row is not None
    names = ("runs", "rollouts", "queries", "conclusions", "verified", "propagated")
    return Contents(**dict(zip((*names, "preferences", "similar_to", "models"), row, strict=True)))


def run_contents(stores: Stores, memory: str, run: str) -> Contents:
    """What `delete_run` would remove; queries and conclusions of other runs stay.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such run.
    """
    get_memory(stores, memory)
    with stores.vectors.transaction("delete.sql") as session:
        payload = _payload(session, memory, run)
        counts = session.row("counts_of_run", memory=memory, run=run)
        edges = session.row("edges_of_queries", memory=memory, ids=payload["queries"])
    assert counts is not None and edges is not None
    return Contents(
        runs=1,
        rollouts=len(payload["rollouts"]),
        queries=len(payload["queries"]),
        conclusions=len(payload["conclusions"]),
        verified=counts[0],
        propagated=counts[1],
        preferences=counts[2],
        similar_to=edges[0],
    )


def delete_run(stores: Stores, memory: str, run: str) -> None:
    """Delete a run of a memory from both stores.

    Queries that lose a neighbour keep fewer edges until the next `link`. Other writers of this
    memory wait.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such run.
        StoreError: if Neo4j refuses; the next `memreward repair` completes the delete.
    """
    known = _is_known(stores, memory, run)
    begun = begin_change(stores, memory)
    if known and not _is_known(stores, memory, run):
        return  # An earlier delete of it was cut off, and is carried to its end now.

    def write(batch: OutboxBatch) -> None:
        batch.tell(_payload(batch.session.of("delete.sql"), memory, run))

    commit_long_change(
        stores, begun, BatchKind.DELETE, write, locks=(MemoryLock.LINKER, MemoryLock.WRITER)
    )


def _is_known(stores: Stores, memory: str, run: str) -> bool:
    with stores.vectors.transaction("delete.sql") as session:
        return session.row("run_known", memory=memory, run=run) is not None


def _payload(session: SqlSession, memory: str, run: str) -> dict[str, Any]:
    """Ids of everything that goes with a run.

    Raises:
        InputError: if there is no such run.
    """
    if session.row("run_known", memory=memory, run=run) is None:
        raise InputError(
            f"memory {memory!r} has no run {run!r}: `memreward runs --memory {memory}` lists them"
        )

    def ids(name: str) -> list[str]:
        return [row[0] for row in session.rows(name, memory=memory, run=run)]

    return {
        "run": run,
        "rollouts": ids("rollouts_of_run"),
        "queries": ids("queries_of_run"),
        "conclusions": ids("conclusions_of_run"),
        "policies": ids("policies_of_run"),
        "sources": ids("sources_of_run"),
    }
