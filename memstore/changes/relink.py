"""Linking: SIMILAR_TO edges of all queries, recomputed as a numbered generation.

The next generation is built in chunks beside the current one and without the memory's lock;
under the lock what arrived meanwhile is added and the pointer moves. Readers see one whole
generation or the other. All of it is written over the session that holds the linker's lock, so that
a linker that lost it can add nothing to what another one builds.
"""

from collections.abc import Callable

from memstore.db import MemoryState, SqlSession, Stores, find_memory, get_memory, new_token, retried
from memstore.outbox import (
    add_batch,
    catch_up,
    gone_meanwhile,
    lock_existing,
    publish,
    settled,
    take_seq,
)
from memstore.similarity import QueryVectors, copy_edges, keep_index, nearest, query_vectors
from schema.batch import BatchKind
from schema.errors import InputError

QUERIES_A_CHUNK = 256

#: Called with the queries done and their total.
LinkProgress = Callable[[int, int], None]


def link(
    stores: Stores,
    memory: str,
    neighbours: int | None = None,
    progress: LinkProgress | None = None,
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
        QuarantineError: if publication is stopped.
    """
    if neighbours is not None and neighbours < 1:
        raise InputError(f"a query needs at least 1 neighbour, not {neighbours}")
    catch_up(stores, memory)
    keep_index(stores, memory)
    state = get_memory(stores, memory)
    token = new_token()
    edges = retried(lambda: _accept_link(stores, memory, neighbours, token, progress))
    publish(stores, state.name)
    return edges


def needs_link(stores: Stores, memory: str) -> bool:
    """Whether there are queries that the last link did not consider as neighbours."""

    def ask() -> bool:
        with stores.vectors.transaction("link.sql") as session:
            row = session.row("unlinked", memory=memory)
        return row is not None and bool(row[0])

    return retried(ask)


def _accept_link(
    stores: Stores,
    memory: str,
    neighbours: int | None,
    token: str,
    progress: LinkProgress | None,
) -> int:
    """Build and accept the next generation; returns its number of edges."""
    with stores.vectors.session("link.sql") as session:
        session.run("lock_linker", memory=memory)
        state = get_memory(stores, memory)
        k = neighbours or state.neighbours
        if settled(session, memory, token) is None:
            held = query_vectors(stores.vectors, memory)
            _build(session, state, k, held, progress)
            _finish(session, state, k, held, token)
        row = session.row("generation_size", memory=memory)
    return 0 if row is None else int(row[0])


def _build(
    session: SqlSession,
    state: MemoryState,
    k: int,
    held: QueryVectors,
    progress: LinkProgress | None,
) -> None:
    """Edges of all queries accepted up to `state.seq`, a chunk a transaction."""
    session.run("drop_unfinished_generations", memory=state.name)
    ids = _queries_between(session, state.name, 0, state.seq)
    for start in range(0, len(ids), QUERIES_A_CHUNK):
        now = find_memory(session, state.name)
        if now is None:
            raise gone_meanwhile(state.name)
        chunk = ids[start : start + QUERIES_A_CHUNK]
        _add_edges(session, state, now, chunk, k, held)
        if progress is not None:
            progress(start + len(chunk), len(ids))


def _finish(
    session: SqlSession, begun: MemoryState, k: int, held: QueryVectors, token: str
) -> None:
    """Under the lock: add what arrived since `begun`, then move the pointer."""
    memory, generation = begun.name, begun.generation + 1
    with session.transaction():
        state = lock_existing(session, begun)
        late = _queries_between(session, memory, begun.seq, state.seq)
        _add_edges(session, begun, state, late, k, held)
        seq = take_seq(session, memory)
        session.run("stamp_generation", memory=memory, generation=generation, seq=seq)
        session.run(
            "move_generation",
            memory=memory,
            generation=generation,
            neighbours=k,
            linked_seq=begun.seq,
        )
        payload = {"generation": generation, "encoder": state.encoder, "seq": seq}
        add_batch(session, memory, seq, BatchKind.LINK, payload, token)


def _queries_between(session: SqlSession, memory: str, after: int, upto: int) -> list[str]:
    return [
        row[0] for row in session.rows("queries_between", memory=memory, after=after, upto=upto)
    ]


def _add_edges(
    session: SqlSession,
    begun: MemoryState,
    now: MemoryState,
    ids: list[str],
    k: int,
    held: QueryVectors,
) -> None:
    edges = nearest(session, now, ids, k, held)
    copy_edges(session, begun.name, begun.generation + 1, 0, edges)
