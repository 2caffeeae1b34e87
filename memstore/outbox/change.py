"""One change of a memory: a batch that is accepted once, however often it has to be tried.

Every kind of change goes through here, so that the write protocol is in one place: catch up with
what an earlier writer left, lock the memory and see that it is still the same one, take the next
sequence number, write the rows and the outbox entry under it in one transaction of Postgres, try
again after a lost connection (a token tells whether the lost commit went through), then publish.

A caller gives the part that differs as a function, which may be called more than once.
"""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from memstore.db import (
    MemoryState,
    SqlSession,
    Stores,
    VectorStore,
    as_json,
    get_memory,
    new_token,
    retried,
)
from memstore.outbox.locks import MemoryLock, hold, lock_existing, same_memory
from memstore.outbox.publication import publish, publish_once
from memstore.outbox.recovery import catch_up
from schema.batch import BatchKind

T = TypeVar("T")


class OutboxBatch:
    """A batch while it is being accepted: in a transaction, under the memory's lock."""

    def __init__(self, session: SqlSession, state: MemoryState) -> None:
        """No sequence number is taken yet."""
        self.session = session
        #: The memory as it was when it was locked.
        self.state = state
        self._payload: dict[str, Any] | None = None

    @property
    def memory(self) -> str:
        """Name of the memory."""
        return self.state.name

    @cached_property
    def seq(self) -> int:
        """The batch's sequence number: taken when it is read first."""
        row = self.session.of("outbox.sql").row("next_seq", memory=self.memory)
        assert row is not None
        return int(row[0])

    def tell(self, payload: dict[str, Any]) -> None:
        """What Neo4j has to be told and no table says; without it there is no batch."""
        self._payload = payload

    @property
    def payload(self) -> dict[str, Any] | None:
        """What was told of; None: there is no batch."""
        assert self._payload is not None or "seq" not in self.__dict__, "a number without a batch"
        return self._payload


def take_numbers(batches: Sequence[OutboxBatch]) -> None:
    """Take the next sequence numbers of batches of one transaction, all at once."""
    session, memories = batches[0].session, [batch.memory for batch in batches]
    found = dict(session.of("outbox.sql").rows("next_seqs", memories=memories))
    for batch in batches:
        batch.seq = int(found[batch.memory])


def _record(batches: Sequence[OutboxBatch], kind: BatchKind, token: str) -> None:
    """Make the outbox entries of the batches that there are."""
    told = [batch for batch in batches if batch.payload is not None]
    if not told:
        return
    sql, same = told[0].session.of("outbox.sql"), {"kind": kind.value, "token": token}
    if len(told) == 1:
        batch = told[0]
        payload = as_json(batch.payload)
        sql.run("add_batch", memory=batch.memory, seq=batch.seq, payload=payload, **same)
        return
    sql.run(
        "add_batches",
        memories=[batch.memory for batch in told],
        seqs=[batch.seq for batch in told],
        payloads=[json.dumps(batch.payload) for batch in told],
        **same,
    )


class _Once(Generic[T]):
    """Accepts one batch, of each of some memories, at most once.

    The result is that of the attempt that went through.
    """

    def __init__(self, kind: BatchKind, write: Callable[[Sequence[OutboxBatch]], T]) -> None:
        self._kind, self._write, self._token = kind, write, new_token()
        self._results: list[T] = []

    def accept(self, session: SqlSession, states: Sequence[MemoryState]) -> T:
        """Write the batches, unless an earlier attempt did; to be called under the locks."""
        if not self.is_accepted(session, *(state.name for state in states)):
            batches = [OutboxBatch(session, state) for state in states]
            self._results.append(self._write(batches))
            _record(batches, self._kind, self._token)
        return self.result

    def is_accepted(self, session: SqlSession, *memories: str) -> bool:
        """Whether an earlier attempt, whose answer was lost, went through.

        To be asked under a lock that keeps that attempt from being under way still.
        """
        if not self._results:
            return False  # None came as far as its commit.
        sql = session.of("outbox.sql")
        row = sql.row("batch_of_token", memories=list(memories), token=self._token)
        return row is not None

    @property
    def result(self) -> T:
        """What the last attempt to write returned."""
        return self._results[-1]


def begin_change(stores: Stores, memory: str) -> MemoryState:
    """Finish what an earlier writer left undone; the memory that is going to be changed.

    Raises:
        UnknownMemoryError: if there is no such memory.
        QuarantineError: if publication to it is stopped.
    """
    catch_up(stores, memory)
    return get_memory(stores, memory)


def accept_batches(
    vectors: VectorStore,
    kind: BatchKind,
    lock: Callable[[SqlSession], Sequence[MemoryState]],
    write: Callable[[Sequence[OutboxBatch]], T],
) -> T:
    """Accept a batch of each of some memories; publication is left to the caller.

    Args:
        vectors: Postgres.
        kind: of the batches.
        lock: locks the memories for the transaction and checks that they are the right ones.
        write: inserts the rows and calls `tell` of each batch that there is; what it raises undoes
            everything. Its result is returned.
    """
    once = _Once(kind, write)

    def attempt() -> T:
        with vectors.transaction("outbox.sql") as session:
            return once.accept(session, lock(session))

    return retried(attempt)


def commit_change(
    stores: Stores, begun: MemoryState, kind: BatchKind, write: Callable[[OutboxBatch], T]
) -> T:
    """Accept a batch and publish it; returns what `write` does.

    Args:
        stores: both databases.
        begun: the memory, from `begin_change`.
        kind: of the batch.
        write: inserts the rows and calls `tell`; what it raises undoes everything.

    Raises:
        UnknownMemoryError: if the memory was deleted since `begun`.
        EncoderMismatchError: if it was given another encoder since.
        StoreError: if Neo4j refuses the batch; it stays accepted.
    """
    done = accept_batches(
        stores.vectors,
        kind,
        lambda session: [lock_existing(session, begun)],
        lambda batches: write(batches[0]),
    )
    publish(stores, begun.name)
    return done


def commit_long_change(
    stores: Stores,
    begun: MemoryState,
    kind: BatchKind,
    write: Callable[[OutboxBatch], T],
    *,
    locks: Sequence[MemoryLock],
    prepare: Callable[[SqlSession, MemoryState], None] = lambda session, state: None,
) -> T:
    """`commit_change` with `locks` held until the batch is published.

    Args:
        stores: both databases.
        begun: the memory, from `begin_change`.
        kind: of the batch.
        write: as for `commit_change`; the memory must have the encoder that `prepare` saw.
        locks: held by one session, in which everything is done.
        prepare: does what need not be in the transaction; each of its statements is committed.

    Raises:
        UnknownMemoryError: if the memory was deleted since `begun`.
        StoreError: if Neo4j refuses the batch; it stays accepted.
    """
    once = _Once(kind, lambda batches: write(batches[0]))

    def attempt() -> T:
        with stores.vectors.session("outbox.sql") as session:
            hold(session, begun.name, *locks)
            if not once.is_accepted(session, begun.name):
                state = same_memory(session, begun)
                prepare(session, state)
                with session.transaction():
                    once.accept(session, [lock_existing(session, state)])
            publish_once(stores, begun.name)
        return once.result

    return retried(attempt)
