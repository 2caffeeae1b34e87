"""Deleting a memory: a tombstone first, then Neo4j, then Postgres; a crash resumes there."""

from memstore.named_queries import named_queries
from memstore.stores import Stores
from schema.graph import NodeLabel

NODES_A_TRANSACTION = 10_000


def delete_memory(stores: Stores, memory: str) -> None:
    """Delete everything a memory holds, in both stores; nothing happens if there is no such memory.

    No other memory is touched: its name stands in every statement.
    """
    with stores.vectors.transaction("accept.sql") as session:
        session.run("lock_memory", memory=memory)
        session.of("delete.sql").run("tombstone", memory=memory)
    for label in NodeLabel:
        while stores.graph.write(
            "publish.cypher",
            lambda tx, label=label: tx.value(
                "delete_nodes", label=label.value, memory=memory, limit=NODES_A_TRANSACTION
            ),
        ):
            pass
    with stores.vectors.transaction("delete.sql") as session:
        for name in named_queries("delete.sql"):
            if name.startswith("delete_"):
                session.run(name, memory=memory)
