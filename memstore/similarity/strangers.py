"""The nearest stored queries of queries that other databases hold: how shards find neighbours.

The cosines are those that one memory of all queries would have, to the bit: Postgres computes them
of the same vectors, and ties are broken by id.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memstore.db import MemoryState, SqlSession, plans_for_any_memory, vectors
from memstore.similarity.hnsw_index import searching
from memstore.similarity.neighbours import first_of_each, ranked
from memstore.similarity.vector_cache import QueryVectors
from schema.memory_graph import Floats

#: Ids of a query and of another one, and their cosine.
Near = tuple[str, str, float]


def nearest_to_vectors(
    session: SqlSession,
    state: MemoryState,
    asked: Mapping[str, Floats],
    neighbours: int,
    cache: QueryVectors,
) -> list[Near]:
    """The nearest queries of each vector in a memory, the query of its own id left out.

    Args:
        session: in a transaction that sees the batches up to `state.seq`.
        state: of the memory.
        asked: embeddings by id of queries.
        neighbours: how many each gets, if there are so many.
        cache: the embeddings that this process keeps.
    """
    memory, found = state.name, list[Near]()
    with searching(session, memory, state.dimension) as (exact, by_index):
        if by_index is None and cache.is_worth_it(state, len(asked)):
            pairs = cache.near(session, state, asked, neighbours)
            found = _cosines(exact, memory, asked, [pair[:2] for pair in pairs])
            found = first_of_each(sorted(found, key=_order), neighbours)
        counts = dict.fromkeys(asked, 0)
        for id_, _, _ in found:
            counts[id_] += 1
        short = [id_ for id_ in asked if counts[id_] < neighbours]
        found = [row for row in found if counts[row[0]] == neighbours]
        for id_ in short:
            wanted: dict[str, Any] = {"embedding": asked[id_], "neighbours": neighbours + 1}
            rows = [] if by_index is None else by_index.rows("nearest_to_vector_indexed", **wanted)
            if len(rows) < wanted["neighbours"]:
                rows = exact.rows("nearest_to_vector", memory=memory, **wanted)
            others = [(id_, other, float(score)) for other, score in rows if other != id_]
            found += others[:neighbours]
    return found


def nearest_of_all(found: Iterable[Sequence[Near]], neighbours: int) -> list[dict[str, Any]]:
    """Rows query_id, neighbour_id, rank, score of the nearest among what several memories found."""
    everything = sorted((row for rows in found for row in rows), key=_order)
    return ranked(first_of_each(everything, neighbours))


def _order(row: Near) -> tuple[str, float, str]:
    return row[0], -row[2], row[1]


def _cosines(
    exact: SqlSession, memory: str, asked: Mapping[str, Floats], pairs: Sequence[tuple[str, str]]
) -> list[Near]:
    if not pairs:
        return []
    ids, others = zip(*pairs, strict=True)
    with plans_for_any_memory(exact):
        rows = exact.rows(
            "nearest_among_vectors",
            memory=memory,
            asked=list(ids),
            others=list(others),
            ids=list(asked),
            embeddings=vectors(list(asked.values())),
        )
    return [(id_, other, float(score)) for id_, other, score in rows]
