"""Publishing: accepted batches are told to Neo4j in the order of their sequence numbers.

Each batch is one write transaction that first moves (:Memory).seq from n-1 to n and gives up
otherwise, so that a batch is applied exactly once whoever tries, and a commit whose answer was
lost is settled by looking at that number. Repair is the same as publishing: forward only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from memstore.graph_store import GraphStore, GraphTransaction
from memstore.stores import Stores
from memstore.vector_store import SqlSession
from schema.batch import BatchKind
from schema.errors import StoreError

#: Rows a statement; edges of a generation a transaction.
ROWS_A_STATEMENT = 2_000
EDGES_A_TRANSACTION = 20_000

Payload = dict[str, Any]


def publish(stores: Stores, memory: str, progress: Callable[[int], None] | None = None) -> int:
    """Publish everything accepted for `memory`; returns the last published sequence number.

    `progress` is called with the sequence number of each batch once it is visible.

    Raises:
        StoreError: if Neo4j does not hold what a batch builds on.
    """
    with stores.vectors.session("publish.sql") as session, _publisher_lock(session, memory):
        published = 0
        while (row := session.row("next_batch", memory=memory)) is not None:
            seq, kind, payload = row
            _publish_batch(stores, session, memory, seq, BatchKind(kind), payload)
            published = seq
            if progress is not None:
                progress(seq)
        return published


@contextmanager
def _publisher_lock(session: SqlSession, memory: str) -> Iterator[None]:
    session.run("lock_publisher", memory=memory)
    try:
        yield
    finally:
        session.run("unlock_publisher", memory=memory)


def _publish_batch(
    stores: Stores,
    session: SqlSession,
    memory: str,
    seq: int,
    kind: BatchKind,
    payload: Payload,
) -> None:
    _write(stores.graph, "ensure_memory", memory=memory)
    if kind is BatchKind.LINK:
        _publish_generation(stores.graph, session, memory, payload)

    def apply(tx: GraphTransaction) -> None:
        if tx.value("advance", memory=memory, seq=seq) is not None:
            _APPLY[kind](tx, memory, seq, payload)
            return
        reached = tx.value("memory_seq", memory=memory)
        if reached < seq:
            raise StoreError(
                f"Neo4j holds memory {memory!r} up to batch {reached}, batch {seq} comes next: "
                "batches in between are missing; restore Neo4j's data from the same time as "
                "Postgres'"
            )

    stores.graph.write("publish.cypher", apply)
    with stores.vectors.transaction("publish.sql") as transaction:
        transaction.run("mark_published", memory=memory, seq=seq)
        transaction.run("move_published", memory=memory, seq=seq)
    if kind is BatchKind.LINK:
        _drop_older_generations(stores, memory, payload["generation"])


def _apply_ingest(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    for name in ("runs", "queries", "rollouts", "conclusions", "concludes"):
        _unwind(tx, name, payload[name], memory=memory, seq=seq)
    _unwind(
        tx,
        "similar",
        payload["similar"],
        memory=memory,
        seq=seq,
        generation=payload["generation"],
        encoder=payload["encoder"],
    )
    _unwind(tx, "verified", payload["verified"], memory=memory)


def _apply_label(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    _unwind(tx, "verified", payload["verified"], memory=memory)


def _apply_model(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    tx.rows("model", memory=memory, seq=seq, **payload)


def _apply_propagate(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    _unwind(tx, "propagated", payload["propagated"], memory=memory)


def _apply_link(tx: GraphTransaction, memory: str, seq: int, payload: Payload) -> None:
    tx.rows("move_generation", memory=memory, generation=payload["generation"])


_APPLY: dict[BatchKind, Callable[[GraphTransaction, str, int, Payload], None]] = {
    BatchKind.INGEST: _apply_ingest,
    BatchKind.LABEL: _apply_label,
    BatchKind.MODEL: _apply_model,
    BatchKind.PROPAGATE: _apply_propagate,
    BatchKind.LINK: _apply_link,
}


def _publish_generation(
    graph: GraphStore, session: SqlSession, memory: str, payload: Payload
) -> None:
    """Write the edges of a generation that no reader sees yet; may be repeated."""
    generation = payload["generation"]
    query_id, neighbour_id = "", ""
    while page := session.rows(
        "generation_edges",
        memory=memory,
        generation=generation,
        query_id=query_id,
        neighbour_id=neighbour_id,
        limit=EDGES_A_TRANSACTION,
    ):
        rows = [
            {"query_id": query, "neighbour_id": neighbour, "rank": rank, "score": score}
            for query, neighbour, rank, score in page
        ]
        graph.write(
            "publish.cypher",
            lambda tx, rows=rows: _unwind(
                tx,
                "similar",
                rows,
                memory=memory,
                seq=payload["seq"],
                generation=generation,
                encoder=payload["encoder"],
            ),
        )
        query_id, neighbour_id = page[-1][0], page[-1][1]


def _drop_older_generations(stores: Stores, memory: str, generation: int) -> None:
    with stores.vectors.transaction("publish.sql") as transaction:
        transaction.run("drop_older_generations", memory=memory, generation=generation)
    while _write(
        stores.graph,
        "drop_older_edges",
        memory=memory,
        generation=generation,
        limit=EDGES_A_TRANSACTION,
    ):
        pass


def _write(graph: GraphStore, name: str, **parameters: object) -> Any:
    return graph.write("publish.cypher", lambda tx: tx.value(name, **parameters))


def _unwind(
    tx: GraphTransaction, name: str, rows: list[dict[str, Any]], **parameters: object
) -> None:
    """Run a statement over rows, a page at a time, and hold its count against theirs.

    Raises:
        StoreError: if a row found no node to attach to; the transaction is rolled back.
    """
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        page = rows[start : start + ROWS_A_STATEMENT]
        count = tx.value(name, rows=page, **parameters)
        if count != len(page):
            raise StoreError(
                f"Neo4j applied {count} of {len(page)} rows of `{name}`: nodes they belong to "
                "are missing; nothing of this batch was written"
            )
