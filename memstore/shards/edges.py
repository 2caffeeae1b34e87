"""SIMILAR_TO over shards: the only edges that cross them.

The nearest of a query are the first among those that each shard finds in itself. So they are, to
the bit, what one memory of all queries would have found at that moment, as long as no shard is so
large that it has an index. They are stored with the query, in generations, as in one memory.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import Any

from memstore.db import MemoryState, retried
from memstore.shards.at_once import at_once
from memstore.shards.division import Division, InOnePlace, Shard, Shards
from memstore.shards.lock import ShardsLock, under_lock
from memstore.shards.search import nearest_in_all
from memstore.similarity import Near, nearest_of_all
from schema import tables
from schema.errors import InputError, UnknownMemoryError
from schema.memory_graph import Floats

QUERIES_A_CHUNK = 256

#: As many batches are read as a whole.
FEW_BATCHES = 64

#: A shard's name, and id and embedding of a query that it holds.
_Query = tuple[str, str, Floats]
#: Finds the nearest queries of shards in one place to embeddings by id, so many of each.
Search = Callable[[Mapping[str, Floats], int], list[Near]]
#: Rows of edges of each of some chunks of queries, embeddings by id, in their order, with so many
#: neighbours a query, among what the shards hold; chunks may be read ahead.
FindNearest = Callable[
    [Sequence[MemoryState | None], Iterable[dict[str, Floats]], int], Iterator[list[dict[str, Any]]]
]


#: Called with the queries done and their total.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """How many queries got edges, and how many edges."""

    queries: int
    edges: int


def tie_new(
    shards: Shards,
    lock: ShardsLock,
    division: Division,
    searches: Sequence[Search] | None = None,
) -> bool:
    """Give the queries that have none their edges; under the lock.

    Args:
        shards: of the memory.
        lock: that is held.
        division: as it is under the lock.
        searches: of the shards, if others look for the nearest; None: this process does.

    Returns:
        Whether there were any.
    """
    states = shards.states(division)
    find = _find_by(shards, searches)
    if not _tie(shards, lock, states, division, division.seqs, find).queries:
        return False
    shards.move(lock.session, division, states)
    return True


def are_untied(shards: Shards, division: Division, ids: Collection[str]) -> bool:
    """Whether one of these queries came with a call that was cut off before its edges."""

    def look(there: InOnePlace) -> bool:
        tied = [division.seqs[place] for place in there.places]
        with there.stores.vectors.reading("shards.sql") as session:
            row = session.row("are_untied", memories=there.names, tied=tied, ids=list(ids))
        return row is not None and bool(row[0])

    return any(retried(partial(look, there)) for there in shards.together())


def link_shards(
    shards: Shards,
    neighbours: int | None = None,
    progress: Progress | None = None,
    find: FindNearest | None = None,
) -> Linked:
    """Give all queries new edges; writers wait meanwhile.

    Args:
        shards: of the memory.
        neighbours: edges a query; None: as many as before.
        progress: called with the queries done and their total.
        find: has other processes find the nearest, by `nearest_now`; None: this one does.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `neighbours` is below 1.
    """
    if neighbours is not None and neighbours < 1:
        raise InputError(f"a query needs at least 1 neighbour, not {neighbours}")
    found = find or _find_by(shards, None)
    return under_lock(shards, partial(_linked, shards, neighbours, progress, found))


def _linked(
    shards: Shards,
    neighbours: int | None,
    progress: Progress | None,
    find: FindNearest,
    lock: ShardsLock,
) -> Linked:
    before = shards.division_in(lock.session)
    if before is None:
        raise UnknownMemoryError(f"there is no memory {shards.memory!r}: nothing was stored")
    states = shards.states(before)
    division = replace(
        before,
        generation=before.generation + 1,
        neighbours=neighbours or before.neighbours,
        linked=tuple(0 if state is None else state.seq for state in states),
    )
    linked = _tie(shards, lock, states, division, [0] * len(states), find, progress)
    shards.move(lock.session, division, states)
    drop_other_generations(shards, lock, division)
    return linked


def link_new(
    shards: Shards, progress: Progress | None = None, find: FindNearest | None = None
) -> int:
    """Link again if there are queries that the last link did not find; the number of edges then.

    Raises:
        UnknownMemoryError: if the memory was deleted.
    """
    division = retried(shards.division)
    if division is None or not any(
        retried(partial(_has_unlinked, there, division)) for there in shards.together()
    ):
        return 0
    return link_shards(shards, None, progress, find).edges


def _has_unlinked(there: InOnePlace, division: Division) -> bool:
    linked = [division.linked[place] for place in there.places]
    with there.stores.vectors.reading("shards.sql") as session:
        row = session.row("unlinked", memories=there.names, linked=linked)
    return row is not None and bool(row[0])


def _tie(
    shards: Shards,
    lock: ShardsLock,
    states: Sequence[MemoryState | None],
    division: Division,
    after: Sequence[int],
    find: FindNearest,
    progress: Progress | None = None,
) -> Linked:
    """Write the edges of the queries after these batches."""
    done, written, waiting = 0, 0, deque[dict[str, str]]()
    total = 0 if progress is None else _count(shards, states)
    chunks = _chunks(shards, states, after, waiting)
    for edges in find(states, chunks, division.neighbours):
        shard_of = waiting.popleft()
        for there in shards.together():
            ids = [id_ for id_, shard in shard_of.items() if shard in there.names]
            own = [edge for edge in edges if shard_of[edge["query_id"]] in there.names]
            rows = [{"memory": shard_of[edge["query_id"]], **edge} for edge in own]
            if ids:
                retried(partial(_write, there, lock, division.generation, ids, rows))
        done, written = done + len(shard_of), written + len(edges)
        if progress is not None:
            progress(done, total)
    return Linked(queries=done, edges=written)


def _chunks(
    shards: Shards,
    states: Sequence[MemoryState | None],
    after: Sequence[int],
    waiting: deque[dict[str, str]],
) -> Iterator[dict[str, Floats]]:
    """Embeddings of queries by id; the shard of each is put at the end of `waiting`."""
    queries = _queries(shards, states, after)
    while chunk := list(islice(queries, QUERIES_A_CHUNK)):
        waiting.append({id_: shard for shard, id_, _ in chunk})
        yield {id_: vector for _, id_, vector in chunk}


def _find_by(shards: Shards, searches: Sequence[Search] | None) -> FindNearest:
    """Finds the nearest one chunk after another, by these searches or in this process."""

    def find(
        states: Sequence[MemoryState | None], chunks: Iterable[dict[str, Floats]], neighbours: int
    ) -> Iterator[list[dict[str, Any]]]:
        for asked in chunks:
            if searches is None:
                yield nearest_now(shards, states, asked, neighbours)
            else:
                found = at_once([partial(search, asked, neighbours) for search in searches])
                yield nearest_of_all(found, neighbours)

    return find


def nearest_now(
    shards: Shards,
    states: Sequence[MemoryState | None],
    asked: Mapping[str, Floats],
    neighbours: int,
) -> list[dict[str, Any]]:
    """Rows of edges of queries, by id, to their nearest among what the shards hold."""
    return nearest_of_all(nearest_in_all(shards.together(), states, asked, neighbours), neighbours)


def _count(shards: Shards, states: Sequence[MemoryState | None]) -> int:
    """How many queries the shards hold."""
    upto = {state.name: state.seq for state in states if state is not None}
    total = 0
    for there in shards.together():
        with there.stores.vectors.reading("shards.sql") as session:
            seqs = [upto.get(name, 0) for name in there.names]
            row = session.row("count_queries", memories=there.names, upto=seqs)
        total += 0 if row is None else row[0]
    return total


def _queries(
    shards: Shards, states: Sequence[MemoryState | None], after: Sequence[int]
) -> Iterator[_Query]:
    """Queries of the batches after these."""
    for there in shards.together():
        upto = [state.seq if (state := states[place]) else 0 for place in there.places]
        bounds = {
            "memories": there.names,
            "after": [after[place] for place in there.places],
            "upto": upto,
        }
        batches = sum(upto) - sum(bounds["after"])
        if not batches:
            continue
        with there.stores.vectors.reading("shards.sql") as session:
            if batches > FEW_BATCHES:
                pages = session.stream("query_vectors", QUERIES_A_CHUNK, **bounds)
            else:
                pages = [session.rows("query_vectors", **bounds)]
            yield from chain.from_iterable(pages)


def _write(
    there: InOnePlace,
    lock: ShardsLock,
    generation: int,
    ids: Sequence[str],
    edges: Sequence[dict[str, object]],
) -> None:
    with there.stores.vectors.transaction("shards.sql") as session:
        lock.fence(session)
        session.run("clear", memories=there.names, generation=generation, ids=list(ids))
        session.copy(tables.ACROSS, edges, generation=generation)


def drop_other_generations(shards: Shards, lock: ShardsLock, division: Division) -> None:
    """Remove edges that do not count any more, or not yet; under the lock."""
    for part in shards.parts:
        retried(partial(_drop_others, part, lock, division.generation))


def _drop_others(part: Shard, lock: ShardsLock, generation: int) -> None:
    with part.stores.vectors.transaction("shards.sql") as session:
        lock.fence(session)
        session.run("drop_other_generations", memory=part.name, generation=generation)
