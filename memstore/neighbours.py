"""Similarity edges: the nearest queries by cosine, found by pgvector.

Exactly, by looking at every query, as long as the memory has no index; by the index once it has
one (`memstore.neighbour_index`), which finds more than 99 of 100 of the exact ones. Either way what
was found is stored: an edge never changes by itself.
"""

from collections import Counter
from typing import Any

from memstore.neighbour_index import searching
from memstore.vector_store import SqlSession
from schema.memory_graph import Floats


def nearest(
    session: SqlSession, memory: str, dimension: int, query_ids: list[str], neighbours: int
) -> list[dict[str, Any]]:
    """Rows query_id, neighbour_id, rank (from 1), score of the nearest other queries."""
    if not query_ids:
        return []
    asked: dict[str, Any] = {"memory": memory, "neighbours": neighbours}
    with searching(session, memory, dimension) as (exact, by_index):
        if by_index is None:
            found = exact.rows("nearest", ids=query_ids, **asked)
        else:
            found = by_index.rows("nearest_indexed", ids=query_ids, neighbours=neighbours)
            counts = Counter(query for query, _, _ in found)
            short = {id_ for id_ in query_ids if counts[id_] < neighbours}
            if short:  # So much was filtered out that the index gave up.
                found = [row for row in found if row[0] not in short]
                found += exact.rows("nearest", ids=sorted(short), **asked)
    ranks: dict[str, int] = {}
    edges = []
    for query, neighbour, score in found:
        ranks[query] = ranks.get(query, 0) + 1
        edges.append(
            {"query_id": query, "neighbour_id": neighbour, "rank": ranks[query], "score": score}
        )
    return edges


def nearest_to_vector(
    session: SqlSession, memory: str, vector: Floats, neighbours: int
) -> list[tuple[str, float]]:
    """Ids and cosines of the queries nearest to a vector that is stored nowhere."""
    asked: dict[str, Any] = {"embedding": vector, "neighbours": neighbours}
    with searching(session, memory, len(vector)) as (exact, by_index):
        rows = [] if by_index is None else by_index.rows("nearest_to_vector_indexed", **asked)
        if len(rows) < neighbours:
            rows = exact.rows("nearest_to_vector", memory=memory, **asked)
    return [(id_, float(score)) for id_, score in rows]


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
