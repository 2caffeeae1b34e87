"""Publishing: accepted batches are told to Neo4j in the order of their sequence numbers.

Each batch is one write transaction that first moves (:Memory).seq from n-1 to n and gives up
otherwise, so that a batch is applied exactly once whoever tries, and a commit whose answer was
lost is settled by looking at that number. Repair is the same as publishing: forward only. The
edges of a generation come before its batch, in transactions of their own that no reader sees.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from memstore.db import GraphTransaction, SqlSession, Stores, retried
from memstore.outbox.delete_rows import clear_dead_rows, remove_nodes, remove_rows
from memstore.outbox.fence import Fence
from memstore.outbox.forgotten import forget_rows, tell_forgotten
from memstore.outbox.graph_rows import unwind, unwind_batches
from memstore.outbox.locks import MemoryLock, hold
from memstore.outbox.new_keys import tell_new_keys, use_new_keys
from memstore.outbox.rollout_rows import read_batch
from memstore.outbox.said_rewards import edges_of_batch, tell_sources
from schema.batch import BatchKind
from schema.errors import QuarantineError, StoreError, StoreFullError

#: Edges of a generation a transaction.
EDGES_A_TRANSACTION = 20_000
#: Failed publications after which a batch is quarantined.
MAX_TRIES = 3
#: Kinds of batches that bring a generation of similarity edges.
_WITH_GENERATION = (BatchKind.LINK, BatchKind.REEMBED)

Payload = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """The batch that comes next."""

    incarnation: str
    seq: int
    kind: BatchKind
    payload: Payload
    tries: int
    quarantined: bool
    reason: str | None


def publish(stores: Stores, memory: str, progress: Callable[[int], None] | None = None) -> int:
    """Publish everything accepted for `memory`; returns the last published sequence number.

    `progress` is called with the sequence number of each batch once it is visible.

    Raises:
        StoreError: if Neo4j refuses a batch; its QuarantineError, once it has done so
            `MAX_TRIES` times.
        UnreachableError: if a database stays out of reach.
    """
    return retried(lambda: publish_once(stores, memory, progress))


def publish_once(stores: Stores, memory: str, progress: Callable[[int], None] | None = None) -> int:
    """The same, given up at the first lost connection: for callers that try again themselves."""
    with stores.vectors.session("outbox.sql") as session:
        hold(session, memory, MemoryLock.PUBLISHER)
        while (batch := _next_batch(session, memory)) is not None:
            fence = Fence(
                graph=stores.graph, session=session, memory=memory, incarnation=batch.incarnation
            )
            _publish_batch(fence, batch)
            if progress is not None:
                progress(batch.seq)
        _drop_older_generations(stores, session, memory)
        row = session.row("published_seq", memory=memory)
    return 0 if row is None else int(row[0])


def _next_batch(session: SqlSession, memory: str) -> _Waiting | None:
    row = session.row("next_batch", memory=memory)
    if row is None:
        return None
    incarnation, seq, kind, payload, tries, quarantined, reason = row
    if kind == BatchKind.INGEST:
        payload |= read_batch(session, memory, seq, payload["generation"])
    if kind in (BatchKind.INGEST, BatchKind.LABEL):
        payload |= edges_of_batch(session, memory, seq)
    return _Waiting(
        incarnation=incarnation,
        seq=seq,
        kind=BatchKind(kind),
        payload=payload,
        tries=tries,
        quarantined=quarantined,
        reason=reason,
    )


def _publish_batch(fence: Fence, batch: _Waiting) -> None:
    """Tell Neo4j, then Postgres that Neo4j was told.

    Raises:
        StoreError: see `publish`.
    """
    memory, seq = fence.memory, batch.seq
    if batch.quarantined:
        raise _quarantined(memory, batch, batch.reason)
    try:
        if (tell := _TELL_BEFORE.get(batch.kind)) is not None:
            tell(fence, memory, seq, batch.payload)
        reached = fence.write(lambda tx, before: _apply(tx, before, memory, batch))
    except StoreFullError:
        raise  # No fault of the batch.
    except StoreError as error:
        row = fence.session.row(
            "count_try", memory=memory, seq=seq, reason=str(error), limit=MAX_TRIES
        )
        if row is not None and row[0]:
            raise _quarantined(memory, batch, str(error)) from error
        raise
    if reached != seq:
        raise StoreError(
            f"Neo4j holds memory {memory!r} up to batch {reached}, batch {seq} comes next: the "
            "databases are from different moments; restore both from one backup, or, where Neo4j "
            "is the older one, run `memreward repair --rebuild-neo4j`"
        )
    replaced = 0
    with fence.session.transaction():
        if (replace := _REPLACE_ROWS.get(batch.kind)) is not None:
            replaced = replace(fence.session, memory, batch.payload)
        fence.session.run(
            "mark_published",
            memory=memory,
            incarnation=batch.incarnation,
            seq=seq,
            generation=batch.payload["generation"] if batch.kind in _WITH_GENERATION else None,
        )
    clear_dead_rows(fence.session, replaced)


def _quarantined(memory: str, batch: _Waiting, reason: str | None) -> QuarantineError:
    return QuarantineError(
        f"batch {batch.seq} ({batch.kind}) of memory {memory!r} has failed {MAX_TRIES} times and "
        f"is quarantined, nothing after it is published: {reason}. Remove the cause, then run "
        f"`memreward repair --memory {memory}`"
    )


def _apply(tx: GraphTransaction, before: int, memory: str, batch: _Waiting) -> int:
    """Apply a batch if Neo4j holds the one before it; returns the last batch that Neo4j holds."""
    if before != batch.seq - 1:
        return before
    tx.rows("advance", memory=memory, seq=batch.seq)
    _APPLY[batch.kind](tx, memory, batch.seq, batch.payload)
    return batch.seq


def _apply_ingest(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    apply_rollouts(tx, [(memory, seq, payload)])


def apply_rollouts(tx: GraphTransaction, batches: Sequence[tuple[str, int, Payload]]) -> None:
    """Apply batches of rollouts, each given by memory, number and rows, of several memories."""

    def unwound(statement: str, rows: str, *keys: str) -> None:
        told = [
            {"memory": memory, "seq": seq, "rows": payload[rows]} | {k: payload[k] for k in keys}
            for memory, seq, payload in batches
        ]
        unwind_batches(tx, statement, told)

    for name in ("runs", "policies"):
        unwound(name, name)
    for name in ("queries", "conclusions", "rollouts"):
        unwound(f"create_{name}", name)
    unwound("create_similar", "similar", "generation", "encoder")
    for name in ("verified", "sources", "verified_by"):
        unwound(name, name)


def _apply_verified(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    for name in ("verified", "sources", "verified_by"):
        unwind(tx, name, payload[name], memory=memory, seq=seq)


def _apply_label(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    _apply_verified(tx, memory, seq, payload)
    unwind(tx, "unpreferred", payload["preferred"], memory=memory)
    unwind(tx, "preferred", payload["preferred"], memory=memory, seq=seq)


def _apply_model(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    tx.rows("model", memory=memory, seq=seq, **payload)


def _apply_propagate(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    unwind(tx, "propagated", payload["propagated"], memory=memory)


def _apply_link(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    tx.rows("move_generation", memory=memory, generation=payload["generation"])


def _apply_nothing(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    """Everything was told before."""


def _apply_delete(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    tx.rows("delete_run", memory=memory, run=payload["run"])


_APPLY: dict[BatchKind, Callable[[GraphTransaction, str, int, Payload], None]] = {
    BatchKind.INGEST: _apply_ingest,
    BatchKind.LABEL: _apply_label,
    BatchKind.MODEL: _apply_model,
    BatchKind.PROPAGATE: _apply_propagate,
    BatchKind.LINK: _apply_link,
    BatchKind.REEMBED: _apply_link,
    BatchKind.REKEY: _apply_nothing,
    BatchKind.COMPACT: _apply_nothing,
    BatchKind.SOURCES: _apply_nothing,
    BatchKind.DELETE: _apply_delete,
}


def _publish_generation(fence: Fence, memory: str, seq: int, payload: Payload) -> None:
    """Write the edges of a generation that no reader sees yet; may be repeated."""
    generation = payload["generation"]
    query_id, neighbour_id = "", ""
    while page := fence.session.rows(
        "generation_edges",
        memory=memory,
        generation=generation,
        seq=seq,
        query_id=query_id,
        neighbour_id=neighbour_id,
        limit=EDGES_A_TRANSACTION,
    ):
        rows = [
            {"query_id": query, "neighbour_id": neighbour, "rank": rank, "score": score}
            for query, neighbour, rank, score in page
        ]

        def add(tx: GraphTransaction, before: int, rows: list[dict[str, Any]] = rows) -> None:
            if before != seq - 1:
                return  # Applied already, with all its edges; the batch itself settles it.
            unwind(
                tx,
                "similar",
                rows,
                memory=memory,
                seq=seq,
                generation=generation,
                encoder=payload["encoder"],
            )

        fence.write(add)
        query_id, neighbour_id = page[-1][0], page[-1][1]


def _drop_older_generations(stores: Stores, session: SqlSession, memory: str) -> None:
    """Drop edges that no reader sees any more: from Postgres last, since it remembers the task."""
    row = session.row("older_generation", memory=memory)
    if row is None:
        return
    incarnation, generation = row
    fence = Fence(graph=stores.graph, session=session, memory=memory, incarnation=incarnation)
    bounds = {"memory": memory, "generation": generation, "limit": EDGES_A_TRANSACTION}
    while fence.write(lambda tx, _: tx.value("drop_older_edges", **bounds)):
        pass
    session.run("drop_older_generations", memory=memory, generation=generation)


#: What Neo4j is told before the batch itself, in transactions of their own; may be repeated.
_TELL_BEFORE: dict[BatchKind, Callable[[Fence, str, int, Payload], None]] = {
    BatchKind.LINK: _publish_generation,
    BatchKind.REEMBED: _publish_generation,
    BatchKind.REKEY: tell_new_keys,
    BatchKind.COMPACT: tell_forgotten,
    BatchKind.DELETE: remove_nodes,
    BatchKind.SOURCES: tell_sources,
}
#: What Postgres removes or replaces once Neo4j has; each returns the number of rollouts.
_REPLACE_ROWS: dict[BatchKind, Callable[[SqlSession, str, Payload], int]] = {
    BatchKind.REKEY: use_new_keys,
    BatchKind.COMPACT: forget_rows,
    BatchKind.DELETE: remove_rows,
}
