"""Deleting a memory: a tombstone first, then Neo4j, then Postgres; a crash resumes there."""

from typing import Final

from memstore.db import GraphTransaction, SqlSession, Stores, plans_for_any_memory, retried
from memstore.outbox.delete_rows import clear_dead_rows
from memstore.outbox.fence import Fence
from memstore.outbox.locks import MemoryLock, hold, lock_for_transaction
from memstore.similarity import drop_indexes
from schema.graph import NodeLabel

#: Few: the time that Neo4j needs grows faster than what one transaction deletes.
NODES_A_TRANSACTION = 1_000
#: Statements of `delete.sql` that empty Postgres, what refers to others first.
_TABLES: Final = (
    "delete_similar",
    "delete_propagated",
    "delete_verified",
    "delete_preferences",
    "delete_new_embeddings",
    "delete_new_keys",
    "delete_to_forget",
    "delete_policy_embeddings",
    "delete_rollouts",
    "delete_conclusions",
    "delete_queries",
    "delete_models",
    "delete_policies",
    "delete_sources",
    "delete_runs",
    "delete_batches",
    "delete_memory",
)


def delete_memory(stores: Stores, memory: str) -> None:
    """Delete everything a memory holds, in both stores; nothing happens if there is no such memory.

    No other memory is touched: its name is in every statement. A writer that ingests into it then
    gets an UnknownMemoryError.

    Raises:
        UnreachableError: if a database stays out of reach; the delete is completed by the next
            `memreward repair`, or before the next write to that name.
    """

    def bury() -> None:
        with stores.vectors.transaction("delete.sql") as session:
            lock_for_transaction(session, memory)
            session.run("tombstone", memory=memory)

    retried(bury)
    finish_delete(stores, memory)


def finish_delete(stores: Stores, memory: str) -> bool:
    """Remove a memory that has its tombstone; returns whether there was one."""
    return retried(lambda: _finish(stores, memory))


def _finish(stores: Stores, memory: str) -> bool:
    with stores.vectors.session("delete.sql") as session:
        hold(session, memory, MemoryLock.LINKER, MemoryLock.PUBLISHER)
        row = session.row("going", memory=memory)
        if row is None:
            return False
        empty_graph(
            Fence(
                graph=stores.graph,
                session=session,
                memory=memory,
                incarnation=row[0],
                permission="may_delete",
            )
        )
        drop_indexes(session, memory)
        with session.transaction():
            lock_for_transaction(session, memory)
            removed = {name: _removed(session, name, memory) for name in _TABLES}
        clear_dead_rows(session, removed["delete_rollouts"])
    return True


def _removed(session: SqlSession, statement: str, memory: str) -> int:
    """Rows that a statement removes.

    Foreign keys to queries are checked by plans for any memory: of one that Postgres has not
    counted, it reads all edges for each query.
    """
    if statement != "delete_queries":
        return session.run(statement, memory=memory)
    with plans_for_any_memory(session):
        return session.run(statement, memory=memory)


def empty_graph(fence: Fence) -> None:
    """Remove the memory's nodes from Neo4j; its own node, which every writer locks, goes last."""

    def remove(tx: GraphTransaction, label: NodeLabel) -> int:
        return tx.value(
            f"delete_nodes_{label.value}", memory=fence.memory, limit=NODES_A_TRANSACTION
        )

    labels = [label for label in NodeLabel if label not in (NodeLabel.RUN, NodeLabel.MEMORY)]
    for label in (*labels, NodeLabel.RUN):
        while fence.write(lambda tx, _, label=label: remove(tx, label)):
            pass
    fence.write(lambda tx, _: remove(tx, NodeLabel.MEMORY))
