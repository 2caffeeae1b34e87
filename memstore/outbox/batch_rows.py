"""What a batch of rollouts brought, read back from Postgres as Neo4j is told it."""

from typing import Any, Final

from memstore.db import SqlSession

#: Columns of the statements `arrived_...` of `publish.sql`, as rows of `publish.cypher` name them.
_COLUMNS: Final = {
    "runs": ("id", "policy", "checkpoint"),
    "queries": ("id", "text", "dataset", "domain"),
    "conclusions": ("id", "key"),
    "rollouts": (
        *("id", "query_id", "run", "thinking", "answer", "source_query_id", "step", "place"),
        *("policy", "checkpoint", "completion_tokens", "truncated", "conclusion_id"),
    ),
    "similar": ("query_id", "neighbour_id", "rank", "score"),
}


def arrived(session: SqlSession, memory: str, seq: int, generation: int) -> dict[str, Any]:
    """Rows of batch `seq` by table, and `concludes`, which answers reach which conclusions."""
    sql = session.of("publish.sql")
    bounds = {"memory": memory, "seq": seq, "generation": generation}
    found = {
        table: [
            dict(zip(names, row, strict=True)) for row in sql.rows(f"arrived_{table}", **bounds)
        ]
        for table, names in _COLUMNS.items()
    }
    return {**found, "concludes": concluding(found["rollouts"])}


def concluding(rollouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edges from answers to what they conclude."""
    return [
        {"answer_id": row["id"], "conclusion_id": row["conclusion_id"]}
        for row in rollouts
        if row["conclusion_id"] is not None
    ]
