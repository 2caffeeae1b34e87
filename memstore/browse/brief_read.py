"""A memory up to one sequence number, in a transaction that reads only and not for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from memstore.db import MemoryState, SqlSession, Stores, find_memory
from schema.errors import UnknownMemoryError

#: How long to wait for a connection before saying that there is none.
WAIT_S: Final = 3.0
#: After that a statement is cancelled: somebody waits.
TIMEOUT_MS: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowsedMemory:
    """A memory in a list."""

    name: str
    encoder: str
    seq: int
    published_seq: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class View:
    """A memory as it was after one batch."""

    session: SqlSession
    state: MemoryState
    #: What came later is left out.
    seq: int

    @property
    def bounds(self) -> dict[str, Any]:
        """What every statement needs."""
        return {"memory": self.state.name, "seq": self.seq}

    @property
    def generation(self) -> int:
        """The similarity edges that Neo4j shows."""
        return self.state.published_generation

    def when(self) -> datetime | None:
        """When the last batch that is seen was accepted."""
        row = self.session.row("when_accepted", **self.bounds)
        return None if row is None else row[0]


def browsed_memories(stores: Stores) -> list[BrowsedMemory]:
    """All memories that can be read.

    Raises:
        UnreachableError: if Postgres does not answer.
    """
    with _brief(stores) as session:
        return [
            BrowsedMemory(name=name, encoder=encoder, seq=seq, published_seq=done, created_at=at)
            for name, encoder, seq, done, at in session.rows("memories")
        ]


@contextmanager
def open_view(
    stores: Stores, memory: str, as_of: int | None = None, timeout_ms: int = TIMEOUT_MS
) -> Iterator[View]:
    """A memory as published, or as it was after an earlier batch.

    Args:
        stores: both databases.
        memory: which one.
        as_of: the batch; None: the last one.
        timeout_ms: a statement that takes longer is cancelled.

    Raises:
        UnknownMemoryError: if there is no such memory, or it cannot be read now.
        UnreachableError: if Postgres does not answer.
    """
    with _brief(stores, timeout_ms) as session:
        state = find_memory(session, memory)
        if state is None:
            raise UnknownMemoryError(
                f"there is no memory {memory!r}: `memreward stats` lists the memories"
            )
        last = state.published_seq
        seq = last if as_of is None else max(0, min(as_of, last))
        yield View(session=session, state=state, seq=seq)


@contextmanager
def _brief(stores: Stores, timeout_ms: int = TIMEOUT_MS) -> Iterator[SqlSession]:
    with stores.vectors.transaction("look.sql", wait_s=WAIT_S) as session:
        session.row("begin", timeout_ms=timeout_ms)
        yield session
