"""What the delete of a run removes from either database, given the batch's payload."""

from typing import Any, Final

from memstore.graph_store import GraphTransaction
from memstore.vector_store import SqlSession

IDS_A_STATEMENT: Final = 1_000

#: Statements of `publish.cypher` by the list of ids that they go through.
_NODES: Final = (
    ("delete_thinkings", "rollouts"),
    ("delete_answers", "rollouts"),
    ("delete_conclusions", "conclusions"),
    ("delete_queries", "queries"),
)
#: Statements of `delete_run.sql`, what refers to others first.
_ROWS: Final = (
    "remove_verified",
    "remove_propagated",
    "remove_preferences",
    "remove_policy_embeddings",
    "remove_new_embeddings",
    "remove_rollouts",
    "remove_similar",
    "remove_queries",
    "remove_run",
)


def remove_nodes(tx: GraphTransaction, memory: str, payload: dict[str, Any]) -> None:
    """Remove a run from Neo4j; what is gone already is no fault."""
    for statement, what in _NODES:
        ids = payload[what]
        for start in range(0, len(ids), IDS_A_STATEMENT):
            tx.rows(statement, memory=memory, rows=ids[start : start + IDS_A_STATEMENT])
    tx.rows("delete_run", memory=memory, run=payload["run"])


def remove_rows(session: SqlSession, memory: str, payload: dict[str, Any]) -> None:
    """Remove a run from Postgres."""
    sql = session.of("delete_run.sql")
    for statement in _ROWS:
        sql.run(
            statement,
            memory=memory,
            run=payload["run"],
            rollouts=payload["rollouts"],
            queries=payload["queries"],
        )
