"""What the delete of a run removes from either database, given the batch's payload; dead rows."""

from typing import Any, Final

from memstore.db import GraphTransaction, SqlSession
from memstore.outbox.fence import Fence

IDS_A_TRANSACTION: Final = 1_000
#: So many dead rows slow the next writer down to a third (docs/performance.md).
MANY_ROLLOUTS: Final = 20_000

#: Statements of `outbox.cypher` by the list of ids that they go through.
_NODES: Final = (
    ("delete_rollouts", "rollouts"),
    ("delete_conclusions", "conclusions"),
    ("delete_queries", "queries"),
    ("delete_policies", "policies"),
    ("delete_sources", "sources"),
)
#: Statements of `delete.sql`, what refers to others first.
_ROWS: Final = (
    "remove_verified",
    "remove_propagated",
    "remove_preferences",
    "remove_policy_embeddings",
    "remove_new_embeddings",
    "remove_new_keys",
    "remove_to_forget",
    "remove_rollouts",
    "remove_conclusions",
    "remove_similar",
    "remove_queries",
    "remove_policies",
    "remove_sources",
    "remove_run",
)


def remove_nodes(fence: Fence, memory: str, seq: int, payload: dict[str, Any]) -> None:
    """Remove what a run brought from Neo4j, a page a transaction; what is gone is no fault.

    Neo4j needs time that grows with the square of what one transaction deletes. Each page leaves
    a graph without loose ends, and `memstore.reads.consistent_read` keeps readers from seeing one
    in between.
    """
    for statement, what in _NODES:
        ids = payload.get(what, [])  # An older version may have begun the delete.
        for start in range(0, len(ids), IDS_A_TRANSACTION):
            page = ids[start : start + IDS_A_TRANSACTION]

            def remove(
                tx: GraphTransaction, before: int, name: str = statement, rows: list[str] = page
            ) -> None:
                if before == seq - 1:
                    tx.rows(name, memory=memory, rows=rows)

            fence.write(remove)


def remove_rows(session: SqlSession, memory: str, payload: dict[str, Any]) -> int:
    """Remove a run from Postgres; returns the number of its rollouts."""
    sql = session.of("delete.sql")
    for statement in _ROWS:
        sql.run(
            statement,
            memory=memory,
            run=payload["run"],
            rollouts=payload["rollouts"],
            queries=payload["queries"],
            conclusions=payload["conclusions"],
            policies=payload.get("policies", []),
            sources=payload.get("sources", []),
        )
    return len(payload["rollouts"])


def clear_dead_rows(session: SqlSession, rollouts: int) -> None:
    """After a large delete, re-keying or compaction, do at once what Postgres would do in a while.

    Args:
        session: one that commits each statement.
        rollouts: how many were deleted or replaced.
    """
    if rollouts >= MANY_ROLLOUTS:
        session.of("delete.sql").run("vacuum")
