"""SIMILAR_TO over shards: the only edges that cross them.

The nearest of a query are the first among those that each shard finds in itself. So they are, to
the bit, what one memory of all queries would have found at that moment, as long as no shard is so
large that it has an index. They are stored with the query, in generations, as in one memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice

from memstore.db import MemoryState, SqlSession, Stores, find_memory, retried
from memstore.shards.at_once import at_once
from memstore.shards.division import Division, Shard, Shards
from memstore.similarity import Near, nearest_of_all, nearest_to_vectors, query_vectors
from schema import tables
from schema.errors import InputError, UnknownMemoryError
from schema.memory_graph import Floats

QUERIES_A_CHUNK = 256

#: A shard's place, and id and embedding of a query that it holds.
_Query = tuple[int, str, Floats]
#: Finds the nearest queries of a shard to embeddings by id, so many of each.
Search = Callable[[Mapping[str, Floats], int], list[Near]]


def tie_new(
    shards: Shards,
    session: SqlSession,
    division: Division,
    searches: Sequence[Search] | None = None,
) -> bool:
    """Give the queries that have none their edges; under the lock, in its session.

    Args:
        shards: of the memory.
        session: the one that holds the lock.
        division: as it is under the lock.
        searches: of the shards, if others look for the nearest; None: this process does.

    Returns:
        Whether there were any.
    """
    states = shards.states(division)
    if not _tie(shards, states, division, division.seqs, searches=searches):
        return False
    shards.move(session, division, states)
    return True


def link_shards(
    shards: Shards,
    neighbours: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Give all queries new edges; writers wait meanwhile. Returns the number of queries.

    Args:
        shards: of the memory.
        neighbours: edges a query; None: as many as before.
        progress: called with the number of queries done.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `neighbours` is below 1.
    """
    if neighbours is not None and neighbours < 1:
        raise InputError(f"a query needs at least 1 neighbour, not {neighbours}")
    with shards.locked() as session:
        before = shards.division_in(session)
        if before is None:
            raise UnknownMemoryError(f"there is no memory {shards.memory!r}: nothing was stored")
        division = replace(
            before,
            generation=before.generation + 1,
            neighbours=neighbours or before.neighbours,
        )
        states = shards.states(division)
        done = _tie(shards, states, division, [0] * len(states), progress)
        shards.move(session, division, states)
        drop_other_generations(shards, division)
    return done


def _tie(
    shards: Shards,
    states: Sequence[MemoryState | None],
    division: Division,
    after: Sequence[int],
    progress: Callable[[int], None] = lambda done: None,
    searches: Sequence[Search] | None = None,
) -> int:
    """Write the edges of the queries after these batches; returns how many queries there are."""
    searches = searches or [partial(nearest_in, part.stores, part.name) for part in shards.parts]
    done, queries = 0, _queries(shards, states, after)
    while chunk := list(islice(queries, QUERIES_A_CHUNK)):
        asked = {id_: vector for _, id_, vector in chunk}
        found = at_once([partial(search, asked, division.neighbours) for search in searches])
        edges = nearest_of_all(found, division.neighbours)
        for place in sorted({place for place, _, _ in chunk}):
            ids = [id_ for where, id_, _ in chunk if where == place]
            own = [edge for edge in edges if edge["query_id"] in set(ids)]
            part = shards.parts[place]
            retried(partial(_write, part, division.generation, ids, own))
        done += len(chunk)
        progress(done)
    return done


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


def _queries(
    shards: Shards, states: Sequence[MemoryState | None], after: Sequence[int]
) -> Iterator[_Query]:
    """Queries of the batches after these, shard by shard."""
    for place, (part, state, seq) in enumerate(zip(shards.parts, states, after, strict=True)):
        if state is None or state.seq == seq:
            continue
        with part.stores.vectors.transaction("shards.sql") as session:
            for page in session.stream(
                "query_vectors", QUERIES_A_CHUNK, memory=part.name, after=seq, upto=state.seq
            ):
                yield from ((place, id_, vector) for id_, vector in page)


def _write(
    part: Shard, generation: int, ids: Sequence[str], edges: Sequence[dict[str, object]]
) -> None:
    with part.stores.vectors.transaction("shards.sql") as session:
        session.run("clear", memory=part.name, generation=generation, ids=list(ids))
        session.copy(tables.ACROSS, edges, memory=part.name, generation=generation)


def drop_other_generations(shards: Shards, division: Division) -> None:
    """Remove edges that do not count any more, or not yet; under the lock."""
    for part in shards.parts:
        _drop_others(part, division.generation)


def _drop_others(part: Shard, generation: int) -> None:
    def drop() -> None:
        with part.stores.vectors.transaction("shards.sql") as session:
            session.run("drop_other_generations", memory=part.name, generation=generation)

    retried(drop)
