"""The nearest queries in shards to queries that are anywhere.

What can be among the nearest of all is found by products of what this process holds of the shards;
only of those does Postgres compute cosines, one statement for all shards that it holds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from memstore.db import (
    MemoryState,
    Stores,
    find_memories,
    find_memory,
    plans_for_any_memory,
    retried,
    vectors,
)
from memstore.shards.at_once import at_once
from memstore.shards.division import InOnePlace
from memstore.similarity import (
    Bounded,
    Near,
    any_index,
    catch_up_together,
    nearest_to_vectors,
    query_vectors,
)
from schema.memory_graph import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What shards in the same databases have near the queries."""

    #: Cosines of Postgres', of shards that were searched there.
    sure: list[Near]
    #: By the shard's name.
    possible: list[tuple[str, Bounded]]


def nearest_in_all(
    together: Sequence[InOnePlace],
    states: Sequence[MemoryState | None],
    asked: Mapping[str, Floats],
    neighbours: int,
) -> list[list[Near]]:
    """What shards have near queries, among it the nearest of all, with Postgres' cosines.

    Args:
        together: the shards, by the databases that they lie in.
        states: by the shards' places, as they are under the memory's lock.
        asked: embeddings by id of stored queries.
        neighbours: how many each gets.
    """
    found = at_once([partial(_look, there, states, asked, neighbours) for there in together])
    possible = _among_the_nearest(chain.from_iterable(f.possible for f in found), neighbours)
    by_place = [[row for row in possible if row[0] in there.names] for there in together]
    cosines = at_once(
        [partial(_cosines, t, asked, rows) for t, rows in zip(together, by_place, strict=True)]
    )
    lacking = Counter(near[0] for _, near in possible)
    lacking.subtract(near[0] for near in chain.from_iterable(cosines))
    again = {id_: asked[id_] for id_, n in lacking.items() if n}  # Some are of no use: quarantined.
    exact = [
        partial(nearest_in, there.stores, name, again, neighbours)
        for there in together
        for name in there.names
        if again
    ]
    kept = [[row for row in rows if row[0] not in again] for rows in cosines]
    return [*(f.sure for f in found), *kept, *at_once(exact)]


def nearest_in_place(there: InOnePlace, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
    """The nearest queries in shards that lie in the same databases, among them the nearest of all.

    Args:
        there: the shards; their places count from 0.
        asked: embeddings by id of queries that are anywhere.
        neighbours: how many each gets.
    """

    def look() -> list[MemoryState | None]:
        with there.stores.vectors.reading("similarity.sql") as session:
            found = find_memories(session, there.names)
        return [found.get(name) for name in there.names]

    found = nearest_in_all([there], retried(look), asked, neighbours)
    return list(chain.from_iterable(found))


def nearest_in(
    stores: Stores, shard: str, asked: Mapping[str, Floats], neighbours: int
) -> list[Near]:
    """The nearest queries in a shard to queries that are anywhere, given by id and embedding."""

    def look() -> list[Near]:
        vectors = stores.vectors
        with vectors.transaction("similarity.sql") as session:
            state = find_memory(session, shard)
            if state is None:
                return []
            cache = query_vectors(vectors, shard)
            return nearest_to_vectors(session, state, asked, neighbours, cache)

    return retried(look)


def _look(
    there: InOnePlace,
    states: Sequence[MemoryState | None],
    asked: Mapping[str, Floats],
    neighbours: int,
) -> _Found:
    stand = [state for place in there.places if (state := states[place]) is not None]
    caches = {state.name: query_vectors(there.stores.vectors, state.name) for state in stand}

    def possible() -> list[tuple[str, Bounded]] | None:
        with there.stores.vectors.reading("similarity.sql") as session:
            if any_index(session, stand):
                return None
            catch_up_together(session, [(caches[state.name], state) for state in stand])
            return [
                (state.name, near)
                for state in stand
                for near in caches[state.name].near(session, state, asked, neighbours)
            ]

    if all(caches[state.name].is_worth_it(state, len(asked)) for state in stand):
        found = retried(possible)
        if found is not None:
            return _Found(sure=[], possible=found)
    searched = [nearest_in(there.stores, state.name, asked, neighbours) for state in stand]
    return _Found(sure=list(chain.from_iterable(searched)), possible=[])


def _among_the_nearest(
    found: Iterable[tuple[str, Bounded]], neighbours: int
) -> list[tuple[str, Bounded]]:
    """Those of each query that can be among its nearest of all."""
    by_query: dict[str, list[tuple[str, Bounded]]] = {}
    for row in found:
        by_query.setdefault(row[1][0], []).append(row)
    kept: list[tuple[str, Bounded]] = []
    for rows in by_query.values():
        lows = sorted((low for _, (_, _, low, _) in rows), reverse=True)
        least = lows[min(neighbours, len(lows)) - 1]
        kept += [row for row in rows if row[1][3] >= least]
    return kept


def _cosines(
    there: InOnePlace, asked: Mapping[str, Floats], rows: Sequence[tuple[str, Bounded]]
) -> list[Near]:
    if not rows:
        return []
    names, pairs = zip(*rows, strict=True)
    ids, others, *_ = zip(*pairs, strict=True)

    def read() -> list[Near]:
        with (
            there.stores.vectors.transaction("similarity.sql") as session,
            plans_for_any_memory(session),
        ):
            found = session.rows(
                "nearest_among_several",
                memories=there.names,
                asked=list(ids),
                where=list(names),
                others=list(others),
                ids=list(asked),
                embeddings=vectors(list(asked.values())),
            )
        return [(id_, other, float(score)) for id_, other, score in found]

    return retried(read)
