"""Comparing both databases: is everything that was accepted where it belongs?

Publishing is paused while the check runs (writers that want to publish wait), and both databases
are read up to the last published batch, a page at a time.
"""

from memstore.consistency.compare_graph import check_graph
from memstore.consistency.report import CheckContext, CheckProgress, CheckReport
from memstore.db import SqlSession, Stores
from memstore.outbox import MemoryLock, hold
from schema.answers import KEYS_VERSION
from schema.errors import UnknownMemoryError
from schema.validation import MAX_NORM, MIN_NORM


def check_memory(
    stores: Stores, memory: str, progress: CheckProgress = lambda what, done: None
) -> CheckReport:
    """Compare ids, sequence numbers, texts, edges, rewards and embeddings of both stores.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    report = CheckReport(memory=memory)
    with stores.vectors.session("consistency.sql") as session:
        hold(session, memory, MemoryLock.PUBLISHER)
        row = session.row("memory", memory=memory)
        if row is None:
            raise UnknownMemoryError(
                f"there is no memory {memory!r}: `memreward stats` lists the memories"
            )
        dimension, incarnation, seq, published_seq, generation, keys_version, *unfinished = row
        for what, begun in zip(("delete", "import", "rebuild"), unfinished, strict=True):
            if begun:
                report.add("unfinished", f"its {what} was interrupted: run it again")
                return report
        check = _place(stores, session, report, (incarnation, published_seq, generation), progress)
        _check_batches(check, seq, published_seq)
        _note_other_keys(report, keys_version)
        _check_embeddings(check, dimension)
        check_graph(check)
    return report


def _place(
    stores: Stores,
    session: SqlSession,
    report: CheckReport,
    expected: tuple[str, int, int],
    progress: CheckProgress,
) -> CheckContext:
    """Neo4j's sequence number, compared with the one that Postgres has for it."""
    incarnation, published_seq, generation = expected
    rows = stores.graph.read(
        "consistency.cypher", lambda tx: tx.rows("memory", memory=report.memory)
    ) or [[0, 0, incarnation]]
    seq, found_generation, found_incarnation = rows[0]
    if found_incarnation != incarnation:
        report.add("memory", "Neo4j holds another memory of this name: restore one backup")
    if seq == published_seq + 1:
        report.notes.append(
            f"Neo4j holds batch {seq} and Postgres was not told: `memreward repair` tells it"
        )
    elif seq != published_seq:
        report.add("memory", f"Neo4j is at batch {seq}, Postgres believes at {published_seq}")
    elif found_generation != generation:
        report.add(
            "memory", f"Neo4j shows generation {found_generation}, Postgres says {generation}"
        )
    report.seq = seq
    waiting = session.row("batches", memory=report.memory, published=seq)
    return CheckContext(
        stores=stores,
        session=session,
        report=report,
        memory=report.memory,
        seq=seq,
        generation=found_generation,
        generation_waits=waiting is not None and waiting[4] > 0,
        progress=progress,
    )


def _check_batches(check: CheckContext, seq: int, published_seq: int) -> None:
    """Sequence numbers have no gap, and nothing is quarantined."""
    count, first, last, unmarked, _ = check.sql("batches", published=published_seq)[0]
    if (count, last) != (seq, seq) or (count and first != 1):
        check.report.add(
            "batches", f"{count} batches from {first} to {last}, {seq} were accepted: some are gone"
        )
    if unmarked:
        check.report.add("batches", f"{unmarked} published batches are not marked so", unmarked)
    if seq > check.seq:
        check.report.notes.append(
            f"{seq - check.seq} accepted batches wait: `memreward repair` publishes them"
        )
    for number, kind, reason in check.sql("quarantined"):
        check.report.add("quarantined", f"batch {number} ({kind}): {reason}")


def _note_other_keys(report: CheckReport, keys_version: int) -> None:
    """Keys of another version are no fault: both databases have the same."""
    if keys_version < KEYS_VERSION:
        report.notes.append(
            f"its conclusion keys are of version {keys_version}, this memreward makes version "
            f"{KEYS_VERSION}: `memreward rekey --memory {report.memory}` updates them"
        )
    elif keys_version > KEYS_VERSION:
        report.notes.append(
            f"its conclusion keys are of version {keys_version}, this memreward makes version "
            f"{KEYS_VERSION}: update memreward before you add rollouts"
        )


def _check_embeddings(check: CheckContext, dimension: int) -> None:
    """Dimensions and norms."""
    bounds = {"dimension": dimension, "low": MIN_NORM, "high": MAX_NORM, "limit": 1_000}
    for part in ("query", "thinking", "answer", "policy"):
        check.report.add_all(
            f"{part} embeddings",
            (
                f"{id_}: {dims} numbers, length {norm:.3g}"
                for id_, dims, norm in check.sql(f"bad_{part}_embeddings", **bounds)
            ),
        )
        check.progress(f"check {part} embeddings", 1)
