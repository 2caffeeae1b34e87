"""What a batch of rollouts brought, read back from Postgres as Neo4j is told it."""

from typing import Any

from memstore.db import SqlSession
from schema import tables


def arrived(session: SqlSession, memory: str, seq: int, generation: int) -> dict[str, Any]:
    """Rows of batch `seq` by table, and `concludes`, which answers reach which conclusions."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in tables.IN_GRAPH:
        names = [column.name for column in table.in_graph]
        page = session.of_table(table, table.in_graph).rows(
            "of_batch", memory=memory, seq=seq, generation=generation
        )
        found[table.archive or table.name] = [
            table.graph_row(dict(zip(names, row, strict=True))) for row in page
        ]
    return {**found, "concludes": concluding(found["rollouts"])}


def concluding(rollouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edges from answers to what they conclude."""
    return [
        {"answer_id": row["id"], "conclusion_id": row["conclusion_id"]}
        for row in rollouts
        if row["conclusion_id"] is not None
    ]
