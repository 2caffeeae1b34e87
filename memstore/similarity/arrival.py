"""The nearest of queries that arrive: those of one batch of each of some memories, together.

One memory's are tied among themselves. A search runs in a thread while the caller writes other
rows; where it would not be exact, or not be faster, each memory is searched by Postgres, alone.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from memstore.db import MemoryState, SqlSession, plans_for_any_memory
from memstore.similarity.hnsw_index import any_index
from memstore.similarity.neighbours import first_of_each, nearest, ranked
from memstore.similarity.vector_cache import QueryVectors, catch_up_together
from schema import tables
from schema.memory_graph import Floats

#: Ids of a query that arrives and of another one.
_Pair = tuple[str, str]
_Edges = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """The queries that arrive in one memory."""

    #: Before the batch.
    state: MemoryState
    cache: QueryVectors
    #: Embeddings by id.
    arriving: Mapping[str, Floats]


def begin_searches(
    session: SqlSession, searches: Sequence[Search]
) -> Future[list[list[_Pair]]] | None:
    """Search while the caller writes other rows; None: Postgres is to search.

    What is found goes to `nearest_of_arriving`, in the same transaction.
    """
    wanted = [search for search in searches if search.arriving]
    if not all(each.cache.is_worth_it(each.state, len(each.arriving)) for each in wanted):
        return None
    if not wanted or any_index(session, [each.state for each in wanted]):
        return None
    catch_up_together(session, [(each.cache, each.state) for each in wanted])
    threads = ThreadPoolExecutor(1, thread_name_prefix="neighbours of a batch")
    found = threads.submit(lambda: [_candidates(each) for each in searches])
    threads.shutdown(wait=False)
    return found


def _candidates(search: Search) -> list[_Pair]:
    arriving, state = search.arriving, search.state
    return search.cache.candidates(state, list(arriving), state.neighbours, arriving)


def nearest_of_arriving(
    session: SqlSession,
    searches: Sequence[Search],
    begun: Future[list[list[_Pair]]] | None,
) -> list[_Edges]:
    """Rows query_id, neighbour_id, rank (from 1), score of each memory's queries that arrive.

    Args:
        session: in a transaction that sees the batches up to `state.seq` and the arriving one.
        searches: of a memory each.
        begun: what `begin_searches` returned.
    """
    if begun is None:
        return [_searched(session, each, list(each.arriving)) for each in searches]
    found = _cosines(session, searches, begun.result())
    edges = list[_Edges]()
    for search in searches:
        k, arriving = search.state.neighbours, search.arriving
        rows = [(id_, *row) for id_ in sorted(arriving) for row in found.get(id_, [])]
        whole = {id_ for id_ in arriving if len(found.get(id_, [])) >= k}
        short = sorted(arriving.keys() - whole)  # So many were filtered out that others may count.
        kept = ranked(first_of_each([row for row in rows if row[0] in whole], k))
        edges.append(kept + (_searched(session, search, short, by_postgres=True) if short else []))
    return edges


def _searched(
    session: SqlSession, search: Search, ids: list[str], *, by_postgres: bool = False
) -> _Edges:
    state = search.state
    cache = None if by_postgres else search.cache
    return nearest(session, state, ids, state.neighbours, cache, search.arriving)


def _cosines(
    session: SqlSession, searches: Sequence[Search], pairs: Sequence[Sequence[_Pair]]
) -> dict[str, list[tuple[str, float]]]:
    """The others of each query that arrives with their cosines, the nearest first."""
    rows = [
        (search.state.name, *pair)
        for search, those in zip(searches, pairs, strict=True)
        for pair in those
    ]
    found: dict[str, list[tuple[str, float]]] = {}
    if not rows:
        return found
    memories, asked, others = map(list, zip(*rows, strict=True))
    with plans_for_any_memory(session):
        cosines = session.of("similarity.sql").rows(
            "nearest_among_stored",
            names=[search.state.name for search in searches],
            memories=memories,
            asked=asked,
            others=others,
        )
    for id_, other, score in cosines:
        found.setdefault(id_, []).append((other, score))
    return {id_: sorted(near, key=lambda one: (-one[1], one[0])) for id_, near in found.items()}


def copy_arriving_edges(
    session: SqlSession, seqs: Mapping[str, int], searches: Sequence[Search], edges: list[_Edges]
) -> None:
    """Insert the edges of each memory's queries, in its generation, with its batch's number."""
    rows = (
        {
            "memory": search.state.name,
            "generation": search.state.generation,
            "seq": seqs[search.state.name],
            **edge,
        }
        for search, those in zip(searches, edges, strict=True)
        for edge in those
    )
    session.copy(tables.SIMILAR_TO, rows)
