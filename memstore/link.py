"""Linking: SIMILAR_TO edges of all queries, recomputed as a numbered generation.

The next generation is built in chunks beside the current one and without the memory's lock;
under the lock what arrived meanwhile is added and the pointer moves. Readers see one whole
generation or the other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memstore.accept import add_batch, lock_memory, take_seq
from memstore.neighbours import copy_edges, nearest
from memstore.publish import publish
from memstore.stores import MemoryState, Stores, get_memory
from memstore.vector_store import SqlSession
from schema.batch import BatchKind
from schema.errors import InputError

QUERIES_A_CHUNK = 256


def link(
    stores: Stores,
    memory: str,
    neighbours: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Recompute the k nearest queries of every query and publish them as the next generation.

    Args:
        stores: both databases.
        memory: whose queries.
        neighbours: edges a query (k); the memory's own k when None.
        progress: called with the queries done and their total.

    Returns:
        The number of edges of the new generation.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `neighbours` is below 1.
    """
    if neighbours is not None and neighbours < 1:
        raise InputError(f"a query needs at least 1 neighbour, not {neighbours}")
    with stores.vectors.session("link.sql") as lock, _linker_lock(lock, memory):
        state = get_memory(stores, memory)
        k = neighbours or state.neighbours
        edges = _build(stores, state, k, progress)
        edges += _finish(stores, state, k)
        publish(stores, memory)
    return edges


def needs_link(stores: Stores, memory: str) -> bool:
    """Whether queries have arrived since the last link."""
    with stores.vectors.transaction("link.sql") as session:
        row = session.row("unlinked", memory=memory)
    return row is not None and bool(row[0])


@contextmanager
def _linker_lock(session: SqlSession, memory: str) -> Iterator[None]:
    session.run("lock_linker", memory=memory)
    try:
        yield
    finally:
        session.run("unlock_linker", memory=memory)


def _build(
    stores: Stores,
    state: MemoryState,
    k: int,
    progress: Callable[[int, int], None] | None,
) -> int:
    """Edges of all queries accepted up to `state.seq`, a chunk a transaction."""
    with stores.vectors.transaction("link.sql") as session:
        session.run("drop_unfinished_generations", memory=state.name, generation=state.generation)
        ids = _queries_between(session, state.name, 0, state.seq)
    edges = 0
    for start in range(0, len(ids), QUERIES_A_CHUNK):
        chunk = ids[start : start + QUERIES_A_CHUNK]
        with stores.vectors.transaction("link.sql") as session:
            edges += _add_edges(session, state, chunk, k)
        if progress is not None:
            progress(start + len(chunk), len(ids))
    return edges


def _finish(stores: Stores, begun: MemoryState, k: int) -> int:
    """Under the lock: add what arrived since `begun`, then move the pointer."""
    with stores.vectors.transaction("link.sql") as session:
        state = lock_memory(session, begun.name, begun.encoder, begun.dimension, k)
        arrived = _queries_between(session, state.name, begun.seq, state.seq)
        edges = _add_edges(session, begun, arrived, k)
        seq = take_seq(session, state.name)
        generation = begun.generation + 1
        session.run("stamp_generation", memory=state.name, generation=generation, seq=seq)
        session.run("move_generation", memory=state.name, generation=generation, neighbours=k)
        payload = {"generation": generation, "encoder": state.encoder, "seq": seq}
        add_batch(session, state.name, seq, BatchKind.LINK, payload)
    return edges


def _queries_between(session: SqlSession, memory: str, after: int, upto: int) -> list[str]:
    return [
        row[0] for row in session.rows("queries_between", memory=memory, after=after, upto=upto)
    ]


def _add_edges(session: SqlSession, state: MemoryState, ids: list[str], k: int) -> int:
    edges = nearest(session, state.name, ids, k)
    copy_edges(session, state.name, state.generation + 1, 0, edges)
    return len(edges)
