"""Repair: what was accepted and then interrupted is carried to its end; nothing is ever undone."""

from dataclasses import dataclass

from memstore.db import Stores, rebuilding_message, retried
from memstore.outbox.deletion import finish_delete
from memstore.outbox.locks import MemoryLock, hold, try_hold_linker
from memstore.outbox.publication import MAX_TRIES, publish
from schema.errors import StoreError, UnknownMemoryError


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What a repair found to do."""

    #: Batches published.
    published: int = 0
    #: The batch that was quarantined and is published now.
    settled: int | None = None
    #: Whether a delete was carried to its end.
    deleted: bool = False
    #: Whether edges of unfinished or outdated generations were removed.
    cleared: bool = False


@dataclass(frozen=True, kw_only=True)
class _RepairState:
    going: bool
    seq: int
    published_seq: int
    outdated: bool
    unfinished: bool
    rebuilding: bool


def catch_up(stores: Stores, memory: str) -> Repaired:
    """Finish what an earlier writer left undone; to be called before every write.

    One look at Postgres if there is nothing to do. A memory that does not exist is fine.

    Raises:
        QuarantineError: if a batch is quarantined.
        StoreError: if the memory's graph is being rebuilt.
        UnreachableError: if a database stays out of reach.
    """
    state = _look(stores, memory)
    if state is None:
        return Repaired()
    if state.going:
        return Repaired(deleted=finish_delete(stores, memory))
    if state.rebuilding:
        raise StoreError(rebuilding_message(memory))
    published = 0
    if state.seq > state.published_seq or state.outdated:
        published = publish(stores, memory) - state.published_seq
    cleared = state.unfinished and _drop_unfinished(stores, memory)
    return Repaired(published=published, cleared=state.outdated or cleared)


def repair(stores: Stores, memory: str) -> Repaired:
    """The same, and a quarantined batch gets another try.

    Raises:
        UnknownMemoryError: if there is no such memory.
        QuarantineError: if the batch fails again.
        UnreachableError: if a database stays out of reach.
    """
    if _look(stores, memory) is None:
        raise UnknownMemoryError(
            f"there is no memory {memory!r}: `memreward stats` lists the memories"
        )
    settled = retried(lambda: _release(stores, memory))
    done = catch_up(stores, memory)
    return Repaired(
        published=done.published, settled=settled, deleted=done.deleted, cleared=done.cleared
    )


def catch_up_all(stores: Stores) -> list[StoreError]:
    """Catch up with every memory; what stops one is returned and does not stop the others.

    Raises:
        UnreachableError: if a database stays out of reach.
    """
    errors: list[StoreError] = []
    for memory in every_memory(stores):
        try:
            catch_up(stores, memory)
        except StoreError as error:
            errors.append(error)
    return errors


def every_memory(stores: Stores) -> list[str]:
    """Names of all memories, those that are being deleted among them."""
    with stores.vectors.transaction("outbox.sql") as session:
        return [row[0] for row in session.rows("every_memory")]


def _look(stores: Stores, memory: str) -> _RepairState | None:
    def look() -> _RepairState | None:
        with stores.vectors.transaction("outbox.sql") as session:
            row = session.row("state", memory=memory)
        if row is None:
            return None
        going, seq, published_seq, outdated, unfinished, rebuilding = row
        return _RepairState(
            going=going,
            seq=seq,
            published_seq=published_seq,
            outdated=outdated,
            unfinished=unfinished,
            rebuilding=rebuilding,
        )

    return retried(look)


def _release(stores: Stores, memory: str) -> int | None:
    """Under the publisher's lock, so that no other process is publishing."""
    with stores.vectors.session("outbox.sql") as session:
        hold(session, memory, MemoryLock.PUBLISHER)
        row = session.row("release_quarantine", memory=memory, tries=MAX_TRIES - 1)
    return None if row is None else int(row[0])


def _drop_unfinished(stores: Stores, memory: str) -> bool:
    """Unless another process is building that generation at this moment."""

    def attempt() -> bool:
        with stores.vectors.session("similarity.sql") as session:
            if not try_hold_linker(session, memory):
                return False
            return session.run("drop_unfinished_generations", memory=memory) > 0

    return retried(attempt)
