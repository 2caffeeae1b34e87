"""The lock of a memory in shards, which one session of the first one's Postgres holds.

A process can lose that session and its lock without knowing, as when that Postgres is restarted,
while it goes on writing to the others. So each transaction that accepts rollouts, or writes or
removes edges, first locks the memory's edges in its own Postgres and then, under that lock, asks
the session whether it is still there. Whoever has the memory's lock next waits for such
transactions before it looks at anything, and has the last word.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

from memstore.db import SqlSession, retried
from memstore.shards.division import Shards
from schema.errors import LockLostError, UnreachableError

#: So often is what was done under a lock that was lost done again, before an error says so.
MOST_LOSSES: Final = 3

T = TypeVar("T")


@dataclass(kw_only=True)
class ShardsLock:
    """The right of one session to accept to a memory in shards, and to write its edges."""

    #: That holds the lock, in the first shard's Postgres.
    session: SqlSession
    memory: str
    #: Known once what was done under it has failed.
    is_lost: bool = False

    def fence(self, session: SqlSession) -> None:
        """Let nobody else write until the transaction of `session` ends.

        Raises:
            LockLostError: if this session may not either.
        """
        session.of("shards.sql").run("lock_edges", memory=self.memory)
        if not self.session.is_alive():
            raise LockLostError(
                f"the session that held the lock of memory {self.memory!r} was ended: was its "
                "Postgres restarted? Make the same call again"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_lost = kind is not None and not self.session.is_alive()


def under_lock(shards: Shards, work: Callable[[ShardsLock], T]) -> T:
    """Result of `work`, done while all others wait; done again if the lock was lost meanwhile.

    `work` must be safe to repeat, and do all its writing of rollouts and edges behind
    `ShardsLock.fence`.

    Raises:
        UnreachableError: if a database stays out of reach.
        LockLostError: if the lock is lost again and again.
    """
    losses = 0
    while True:
        lock, done = list[ShardsLock](), list[T]()
        try:
            with ExitStack() as stack:
                lock.append(retried(lambda: stack.enter_context(_locked(shards))))
                done.append(work(lock[0]))
        except (LockLostError, UnreachableError):
            if done:  # The session went after that, unused.
                return done[0]
            losses += 1
            if not lock or not lock[0].is_lost or losses > MOST_LOSSES:
                raise
        else:
            return done[0]


@contextmanager
def _locked(shards: Shards) -> Iterator[ShardsLock]:
    with shards.first.stores.vectors.session("shards.sql") as session:
        session.run("lock", memory=shards.memory)
        session.run("wait_for_writers", memory=shards.memory)
        for there in shards.together()[1:]:
            with there.stores.vectors.reading("shards.sql") as other:
                other.run("wait_for_writers", memory=shards.memory)
        with ShardsLock(session=session, memory=shards.memory) as lock:
            yield lock
