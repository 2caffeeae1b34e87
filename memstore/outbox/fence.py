"""The fence: what a Neo4j transaction must see before it may change a memory.

Session locks of Postgres keep writers apart, but a writer can lose its session without knowing.
So every transaction of Neo4j that changes a memory first locks the (:Memory) node and then, under
that lock, asks Postgres over the session that holds the writer's lock whether the memory is still
there. A lost session cannot be asked; for a memory that was deleted or replaced the answer is no.
A writer that was waiting for the lock sees its predecessor's commit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from memstore.db import GraphStore, GraphTransaction, SqlSession
from schema.errors import StoreError, UnknownMemoryError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Fence:
    """The right of one session to change one memory in Neo4j."""

    graph: GraphStore
    #: The session that holds the writer's lock.
    session: SqlSession
    memory: str
    incarnation: str
    #: Named query of the session that says whether the writer may still write.
    permission: str = "may_publish"

    def write(self, work: Callable[[GraphTransaction, int], T]) -> T:
        """Result of `work` in one write transaction; it is also given (:Memory).seq.

        Raises:
            UnknownMemoryError: if the memory is gone or going.
            UnreachableError: if the session is lost.
            StoreError: if Neo4j holds another memory of that name.
        """
        return self.graph.write("outbox.cypher", lambda tx: work(tx, self._pass(tx)))

    def _pass(self, tx: GraphTransaction) -> int:
        tx.rows("lock_memory", memory=self.memory, incarnation=self.incarnation)
        seq, incarnation = tx.rows("memory_seq", memory=self.memory)[0]
        row = self.session.row(self.permission, memory=self.memory, incarnation=self.incarnation)
        if row is None or not row[0]:
            raise UnknownMemoryError(
                f"memory {self.memory!r} was deleted while it was written to: nothing more is "
                "published to it"
            )
        if incarnation != self.incarnation:
            raise StoreError(
                f"Neo4j holds another memory named {self.memory!r} than Postgres: the two "
                "databases do not belong together; restore both from one backup, or rebuild "
                "Neo4j from Postgres: `memreward repair --rebuild-neo4j`"
            )
        return seq
