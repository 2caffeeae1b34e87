"""Similarity edges: the nearest queries by cosine, found by pgvector."""

from typing import Any

from memstore.vector_store import SqlSession


def nearest(
    session: SqlSession, memory: str, query_ids: list[str], neighbours: int
) -> list[dict[str, Any]]:
    """Rows query_id, neighbour_id, rank (from 1), score of the nearest other queries."""
    found = session.of("accept.sql").rows(
        "nearest", memory=memory, ids=query_ids, neighbours=neighbours
    )
    ranks: dict[str, int] = {}
    edges = []
    for query, neighbour, score in found:
        ranks[query] = ranks.get(query, 0) + 1
        edges.append(
            {"query_id": query, "neighbour_id": neighbour, "rank": ranks[query], "score": score}
        )
    return edges


def copy_edges(
    session: SqlSession, memory: str, generation: int, seq: int, edges: list[dict[str, Any]]
) -> None:
    """Insert similarity edges of one generation."""
    session.of("accept.sql").copy(
        "copy_similar",
        ["text", "int4", "text", "text", "int4", "float8", "int8"],
        (
            (
                memory,
                generation,
                edge["query_id"],
                edge["neighbour_id"],
                edge["rank"],
                edge["score"],
                seq,
            )
            for edge in edges
        ),
    )
