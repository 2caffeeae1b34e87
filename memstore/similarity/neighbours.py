"""Similarity edges: the nearest queries by cosine, found by pgvector.

Exactly, by looking at every query, as long as the memory has no index; by the index once it has
one (`memstore.similarity.hnsw_index`), which finds more than 99 of 100 of the exact ones. Either
way what was found is stored: an edge never changes by itself.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from memstore.db import MemoryState, SqlSession, plans_for_any_memory
from memstore.similarity.hnsw_index import searching
from memstore.similarity.vector_cache import QueryVectors, catch_up_together
from schema import tables
from schema.memory_graph import Floats


def nearest(
    session: SqlSession,
    state: MemoryState,
    query_ids: list[str],
    neighbours: int,
    cache: QueryVectors | None = None,
    arriving: Mapping[str, Floats] | None = None,
) -> list[dict[str, Any]]:
    """Rows query_id, neighbour_id, rank (from 1), score of the nearest other queries.

    Args:
        session: in a transaction that sees the batches up to `state.seq` and the arriving one.
        state: of the memory.
        query_ids: stored queries.
        neighbours: how many each gets.
        cache: the embeddings that this process keeps, if it does.
        arriving: embeddings by id of the queries beyond `state.seq`.
    """
    if not query_ids:
        return []
    memory, k = state.name, neighbours
    with searching(session, memory, state.dimension) as (exact, by_index):
        if by_index is not None:
            found = by_index.rows("nearest_indexed", ids=query_ids, neighbours=k)
        elif cache is not None and cache.is_worth_it(state, len(query_ids)):
            catch_up_together(session, [(cache, state)])
            pairs = cache.candidates(state, query_ids, k, arriving or {})
            found = _nearest_among(exact, memory, pairs, k)
        else:
            return ranked(exact.rows("nearest", memory=memory, ids=query_ids, neighbours=k))
        counts = Counter(query for query, _, _ in found)
        short = {id_ for id_ in query_ids if counts[id_] < k}
        if short:  # So many were filtered out that others come into question.
            found = [row for row in found if row[0] not in short]
            found += exact.rows("nearest", memory=memory, ids=sorted(short), neighbours=k)
    return ranked(found)


def _nearest_among(
    exact: SqlSession, memory: str, pairs: Sequence[tuple[str, str]], k: int
) -> list[tuple[Any, ...]]:
    asked, others = zip(*pairs, strict=True) if pairs else ((), ())
    with plans_for_any_memory(exact):
        found = exact.rows("nearest_among", memory=memory, asked=list(asked), others=list(others))
    return first_of_each(sorted(found, key=lambda row: (row[0], -row[2], row[1])), k)


def first_of_each(rows: Iterable[tuple[Any, ...]], k: int) -> list[tuple[Any, ...]]:
    """The first k rows of each query."""
    groups = groupby(rows, key=itemgetter(0))
    return [row for _, group in groups for row in islice(group, k)]


def ranked(found: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows of SIMILAR_TO of pairs that are in order, with their cosines."""
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
    session.copy(tables.SIMILAR_TO, edges, memory=memory, generation=generation, seq=seq)
