"""The locks of a memory, all of them Postgres' advisory locks: who may accept, link, publish.

Accepting a batch takes the writer's lock for its transaction only; who must keep others away for
longer holds locks until the session ends, the linker's first.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from memstore.db import MemoryState, SqlSession, find_memories, find_memory
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
    """Lock a memory for this transaction; see `lock_memories`."""
    return lock_memories(session, {memory: incarnation}, encoder, dimension, neighbours)[0]


def lock_memories(
    session: SqlSession,
    incarnations: Mapping[str, str | None],
    encoder: str,
    dimension: int,
    neighbours: int,
) -> list[MemoryState]:
    """Lock memories for this transaction; returns their states, in the order given.

    Args:
        session: in the transaction.
        incarnations: by name; None: whichever memory has the name, made now if there is none.
        encoder: what they are stamped with.
        dimension: of its embeddings.
        neighbours: edges that a query of a memory gets that is made now.

    Raises:
        EncoderMismatchError: if one is stamped with another encoder or dimension.
        KeysVersionError: if one was made with conclusion keys of another version.
        UnknownMemoryError: if one is being deleted, or the memory of that incarnation was.
        StoreError: if the delete of a run, a re-keying or a compaction was cut off.
    """
    session.of("locks.sql").run("lock_memories", memories=list(incarnations))
    for memory in sorted(name for name, incarnation in incarnations.items() if not incarnation):
        session.of("outbox.sql").run(
            "create_memory",
            memory=memory,
            encoder=encoder,
            dimension=dimension,
            neighbours=neighbours,
            keys_version=KEYS_VERSION,
        )
    found = find_memories(session, list(incarnations))
    states = [found.get(name) or find_memory(session, name) for name in incarnations]
    known = [
        _same(state, memory, incarnation)
        for state, (memory, incarnation) in zip(states, incarnations.items(), strict=True)
    ]
    for state in known:
        _refuse_encoder(state, encoder, dimension)
        refuse_other_keys(state)
    refuse_cut_off(session, *incarnations)
    return known


def _same(state: MemoryState | None, memory: str, incarnation: str | None) -> MemoryState:
    if state is None or incarnation not in (None, state.incarnation):
        raise deleted_memory_error(memory)
    return state


def _refuse_encoder(state: MemoryState, encoder: str, dimension: int) -> None:
    if (state.encoder, state.dimension) != (encoder, dimension):
        raise EncoderMismatchError(
            f"memory {state.name!r} holds embeddings of {state.encoder} ({state.dimension} "
            f"dimensions), the new ones are of {encoder} ({dimension}): embed with the memory's "
            "encoder, or use another memory"
        )


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


def refuse_cut_off(session: SqlSession, *memories: str) -> None:
    """Check that nothing that is accepted now can be taken for something that is going.

    Raises:
        StoreError: if the delete of a run, a re-keying or a compaction was cut off.
    """
    row = session.of("outbox.sql").row("cut_off", memories=list(memories))
    if row is not None:
        kind, memory = row
        raise StoreError(
            f"{_CUT_OFF[kind]} of memory {memory!r} was interrupted: run `memreward repair "
            f"--memory {memory}`, then the same command again"
        )
