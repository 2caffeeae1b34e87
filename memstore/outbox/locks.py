"""The locks of a memory, all of them Postgres' advisory locks: who may accept, link, publish.

Accepting a batch takes the writer's lock for its transaction only; who must keep others away for
longer holds locks until the session ends, the linker's first.
"""

from enum import StrEnum
from typing import Final

from memstore.db import MemoryState, SqlSession, find_memory
from schema.answers import KEYS_VERSION
from schema.batch import BatchKind
from schema.errors import (
    EncoderMismatchError,
    KeysVersionError,
    StoreError,
    UnknownMemoryError,
)


class MemoryLock(StrEnum):
    """Locks that a session may hold; the values are statements of `locks.sql`."""

    #: One link, re-embedding, re-keying, compaction or delete at a time.
    LINKER = "lock_linker"
    #: Nothing is accepted.
    WRITER = "lock_writer"
    #: Nothing is published.
    PUBLISHER = "lock_publisher"


#: Batches that take rows away or replace them when they are published, as messages call them.
_CUT_OFF: Final = {
    BatchKind.DELETE.value: "the delete of a run",
    BatchKind.REKEY.value: "a re-keying",
    BatchKind.COMPACT.value: "a compaction",
}


def hold(session: SqlSession, memory: str, *locks: MemoryLock) -> None:
    """Wait for locks of a memory and hold them until the session ends."""
    sql = session.of("locks.sql")
    for lock in locks:
        sql.run(lock.value, memory=memory)


def try_hold_linker(session: SqlSession, memory: str) -> bool:
    """Take the linker's lock, unless another process has it; returns whether it was taken."""
    row = session.of("locks.sql").row("try_lock_linker", memory=memory)
    return row is not None and bool(row[0])


def lock_for_transaction(session: SqlSession, memory: str) -> None:
    """Wait for the writer's lock and hold it until the transaction ends."""
    session.of("locks.sql").run("lock_memory", memory=memory)


def lock_memory(
    session: SqlSession,
    memory: str,
    encoder: str,
    dimension: int,
    neighbours: int,
    *,
    incarnation: str | None,
) -> MemoryState:
    """Lock a memory for this transaction.

    With `incarnation` None, whichever memory has the name, made now if there is none.

    Raises:
        EncoderMismatchError: if it is stamped with another encoder or dimension.
        KeysVersionError: if it was made with conclusion keys of another version.
        UnknownMemoryError: if it is being deleted, or the memory of that incarnation was.
        StoreError: if the delete of a run, a re-keying or a compaction was cut off.
    """
    lock_for_transaction(session, memory)
    if incarnation is None:
        session.of("outbox.sql").run(
            "create_memory",
            memory=memory,
            encoder=encoder,
            dimension=dimension,
            neighbours=neighbours,
            keys_version=KEYS_VERSION,
        )
    state = find_memory(session, memory)
    if state is None or incarnation not in (None, state.incarnation):
        raise deleted_memory_error(memory)
    if (state.encoder, state.dimension) != (encoder, dimension):
        raise EncoderMismatchError(
            f"memory {memory!r} holds embeddings of {state.encoder} ({state.dimension} "
            f"dimensions), the new ones are of {encoder} ({dimension}): embed with the memory's "
            "encoder, or use another memory"
        )
    refuse_other_keys(state)
    refuse_cut_off(session, memory)
    return state


def refuse_other_keys(state: MemoryState) -> None:
    """Check that new rollouts' conclusion keys can equal those of a memory.

    Raises:
        KeysVersionError: otherwise.
    """
    if state.keys_version == KEYS_VERSION:
        return
    has = f"memory {state.name!r} has conclusion keys of version {state.keys_version}"
    if state.keys_version > KEYS_VERSION:
        raise KeysVersionError(
            f"{has}, this memreward makes version {KEYS_VERSION}: a newer one made them. Update "
            "memreward"
        )
    raise KeysVersionError(
        f"{has}, this memreward makes version {KEYS_VERSION}: equal answers would not meet. Run "
        f"`memreward rekey --memory {state.name}`, then the same command again; until then the "
        "memory can be read, trained from and exported"
    )


def lock_existing(session: SqlSession, begun: MemoryState) -> MemoryState:
    """Lock a memory that was looked up before for this transaction, and look again.

    Raises:
        UnknownMemoryError: if it was deleted since, or another one now has its name.
        EncoderMismatchError: if it was given another encoder since.
        StoreError: if the delete of a run, a re-keying or a compaction was cut off.
    """
    lock_for_transaction(session, begun.name)
    found = same_memory(session, begun)
    refuse_other_encoder(begun, found)
    refuse_cut_off(session, begun.name)
    return found


def same_memory(session: SqlSession, begun: MemoryState) -> MemoryState:
    """The state, now, of a memory that was looked up before.

    Raises:
        UnknownMemoryError: if it was deleted since, or another one now has its name.
    """
    found = find_memory(session, begun.name)
    if found is None or found.incarnation != begun.incarnation:
        raise deleted_memory_error(begun.name)
    return found


def refuse_other_encoder(begun: MemoryState, found: MemoryState) -> None:
    """Check that a memory still has the encoder that it had before.

    Raises:
        EncoderMismatchError: otherwise.
    """
    if (found.encoder, found.dimension) != (begun.encoder, begun.dimension):
        raise EncoderMismatchError(
            f"memory {begun.name!r} was given the encoder {found.encoder} in the meantime: "
            "run the same command again"
        )


def deleted_memory_error(memory: str) -> UnknownMemoryError:
    """The error of a writer whose memory was deleted under it."""
    return UnknownMemoryError(
        f"memory {memory!r} was deleted in the meantime, with everything that was written to it: "
        "open it again, or run the whole command again, if that was not meant"
    )


def refuse_cut_off(session: SqlSession, memory: str) -> None:
    """Check that nothing that is accepted now can be taken for something that is going.

    Raises:
        StoreError: if the delete of a run, a re-keying or a compaction was cut off.
    """
    row = session.of("outbox.sql").row("cut_off", memory=memory)
    if row is not None:
        what = _CUT_OFF[row[0]]
        raise StoreError(
            f"{what} of memory {memory!r} was interrupted: run `memreward repair --memory "
            f"{memory}`, then the same command again"
        )
