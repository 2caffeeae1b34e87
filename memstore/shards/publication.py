"""Publication of the shards that lie in the same databases: one transaction of each serves all.

So is told what calls accept, a batch of rollouts of each shard. Whatever else waits, or was
refused, is published shard by shard, by the rules of `memstore.outbox.publication`; those of its
fence hold here too.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from memstore.db import GraphTransaction, SqlSession, Stores, retried
from memstore.outbox import (
    BackgroundPublisher,
    apply_rollouts,
    edges_of_batches,
    publish,
    read_batches,
)
from memstore.shards.division import InOnePlace, Shard
from memstore.similarity import keep_indexes
from schema.batch import BatchKind
from schema.errors import MemrewardError, StoreError, StoreFullError


@dataclass(frozen=True, kw_only=True, slots=True)
class _Waiting:
    """A batch of rollouts that comes next in its memory."""

    memory: str
    incarnation: str
    seq: int
    payload: dict[str, Any]


def publish_together(stores: Stores, memories: Sequence[str]) -> None:
    """Publish everything accepted for memories in the same databases.

    Raises:
        MemrewardError: the first that `publish` raises of one of them; the others are published.
    """
    errors = list[MemrewardError]()
    for memory in retried(lambda: _publish_rollouts(stores, memories)):
        try:
            publish(stores, memory)
        except MemrewardError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _publish_rollouts(stores: Stores, memories: Sequence[str]) -> list[str]:
    """Publish batches of rollouts as long as there are any; returns whom something else awaits."""
    with stores.vectors.session("outbox.sql") as session:
        session.of("locks.sql").run("lock_publishers", memories=list(memories))
        while True:
            waiting, others = _next(session, memories)
            if not waiting:
                outdated = session.rows("outdated", memories=list(memories))
                return sorted({*others, *(name for (name,) in outdated)})
            try:
                done = _tell(stores, session, waiting)
            except StoreFullError:
                raise  # No fault of a batch.
            except StoreError:
                done = False
            if not done:  # One by one it turns out which was refused, and that is counted.
                return sorted({*others, *(batch.memory for batch in waiting)})


def _next(session: SqlSession, memories: Sequence[str]) -> tuple[list[_Waiting], list[str]]:
    """The next batches of rollouts, and the memories of which another batch comes next."""
    rows = session.rows("next_batches", memories=list(memories))
    waiting = [
        _Waiting(memory=memory, incarnation=incarnation, seq=seq, payload=payload)
        for memory, incarnation, seq, kind, payload, tries in rows
        if kind == BatchKind.INGEST and not tries
    ]
    told = {batch.memory for batch in waiting}
    if waiting:
        found = read_batches(session, [(b.memory, b.seq, b.payload["generation"]) for b in waiting])
        said = edges_of_batches(session, {batch.memory: batch.seq for batch in waiting})
        for batch in waiting:
            batch.payload.update(found[batch.memory] | said[batch.memory])
    return waiting, [row[0] for row in rows if row[0] not in told]


def _tell(stores: Stores, session: SqlSession, batches: Sequence[_Waiting]) -> bool:
    """Tell Neo4j, then Postgres that Neo4j was told; returns whether it holds all of them."""
    seqs = stores.graph.write("outbox.cypher", lambda tx: _apply(tx, session, batches))
    if seqs != {batch.memory: batch.seq for batch in batches}:
        return False
    session.run(
        "mark_all_published",
        memories=[batch.memory for batch in batches],
        incarnations=[batch.incarnation for batch in batches],
        seqs=[batch.seq for batch in batches],
    )
    return True


def _apply(
    tx: GraphTransaction, session: SqlSession, batches: Sequence[_Waiting]
) -> dict[str, int]:
    """Apply those whose turn it is; returns how far Neo4j has been told of each memory.

    Of none, if one may not be written to: see `memstore.outbox.fence`.
    """
    memories = [{"memory": b.memory, "incarnation": b.incarnation} for b in batches]
    tx.rows("lock_memories", memories=memories)
    found = {name: (seq, made) for name, seq, made in tx.rows("memory_seqs", memories=memories)}
    allowed = session.row(
        "may_publish_all",
        memories=[batch.memory for batch in batches],
        incarnations=[batch.incarnation for batch in batches],
    )
    are_theirs = all(found[batch.memory][1] == batch.incarnation for batch in batches)
    if allowed is None or allowed[0] != len(batches) or not are_theirs:
        return {}
    due = [batch for batch in batches if found[batch.memory][0] == batch.seq - 1]
    if due:
        numbers = [{"memory": batch.memory, "seq": batch.seq} for batch in due]
        tx.rows("advance_several", batches=numbers)
        apply_rollouts(tx, [(batch.memory, batch.seq, batch.payload) for batch in due])
    return {name: seq for name, (seq, _) in found.items()} | {b.memory: b.seq for b in due}


def check_graph(part: Shard) -> None:
    """Whether Neo4j holds what its Postgres has published.

    Raises:
        StoreError: if it holds another memory of that name, or none.
    """
    state = part.state()
    if state is None or state.published_seq == 0:
        return
    rows = part.stores.graph.read(
        "outbox.cypher", lambda tx: tx.rows("memory_seq", memory=part.name)
    )
    if not rows or rows[0][1] != state.incarnation:
        raise StoreError(
            f"Neo4j holds another memory named {part.name!r} than Postgres at "
            f"{part.stores.vectors.address}, or none: the two databases do not belong together. "
            "Give each pair of the settings its own Neo4j (docs/shards.md)"
        )


class PairPublisher(BackgroundPublisher):
    """Publishes the shards that lie in the same databases, in the background."""

    def __init__(self, there: InOnePlace) -> None:
        """See `BackgroundPublisher`."""
        super().__init__(there.stores, there.names[0])
        self._there = there

    def publish(self) -> None:
        """Once: all that the shards have accepted."""
        publish_together(self._there.stores, self._there.names)
        keep_indexes(self._there.stores, self._there.names)


class ShardedPublisher:
    """The publishers of all shards as one."""

    def __init__(self, parts: Sequence[BackgroundPublisher]) -> None:
        """They work already."""
        self._parts = parts

    def wake(self) -> None:
        """Something was accepted: publish it soon."""
        for part in self._parts:
            part.wake()

    def raise_error(self) -> None:
        """Raise what went wrong in one of them since the last call, once.

        Raises:
            MemrewardError: see `BackgroundPublisher`.
        """
        for part in self._parts:
            part.raise_error()

    def flush(self) -> None:
        """Wait until everything that was accepted is published.

        Raises:
            MemrewardError: if it cannot be.
        """
        for part in self._parts:
            part.flush()

    def close(self) -> None:
        """End their threads."""
        with ExitStack() as stack:
            for part in self._parts:
                stack.callback(part.close)
