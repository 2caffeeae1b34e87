"""Linking: SIMILAR_TO edges of all queries, recomputed as a numbered generation.

The next generation is built in chunks, next to the current one and without the memory's lock;
under the lock, what arrived since is added and the pointer moves. Readers see one whole
generation or the other. All of it is written over the session that holds the linker's lock, so that
a linker that lost it can add nothing to what another one builds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from memstore.db import MemoryState, SqlSession, Stores, retried
from memstore.outbox import MemoryLock, OutboxBatch, begin_change, commit_long_change, same_memory
from memstore.similarity import QueryVectors, copy_edges, keep_index, nearest, query_vectors
from schema.batch import BatchKind
from schema.errors import InputError

QUERIES_A_CHUNK = 256

#: Rows of SIMILAR_TO of each of some chunks of queries of a memory, in their order, with so many
#: neighbours a query; chunks may be read ahead.
FindEdges = Callable[[MemoryState, Iterable[list[str]], int], Iterator[list[dict[str, Any]]]]
#: Called with the queries done and their total.
LinkProgress = Callable[[int, int], None]


def link(
    stores: Stores,
    memory: str,
    neighbours: int | None = None,
    progress: LinkProgress | None = None,
    elsewhere: FindEdges | None = None,
) -> int:
    """Recompute the k nearest queries of every query and publish them as the next generation.

    Args:
        stores: both databases.
        memory: whose queries.
        neighbours: edges a query (k); the memory's own k when None.
        progress: called with the queries done and their total.
        elsewhere: has other processes find the neighbours, by `edges_now`; None: this one does.

    Returns:
        The number of edges of the new generation.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `neighbours` is below 1.
        QuarantineError: if publication is stopped.
    """
    if neighbours is not None and neighbours < 1:
        raise InputError(f"a query needs at least 1 neighbour, not {neighbours}")
    begun = begin_change(stores, memory)
    keep_index(stores, memory)
    work = _Link(query_vectors(stores.vectors, memory), neighbours, progress, elsewhere)
    return commit_long_change(
        stores,
        begun,
        BatchKind.LINK,
        work.finish,
        locks=(MemoryLock.LINKER,),
        prepare=work.build,
    )


def needs_link(stores: Stores, memory: str) -> bool:
    """Whether there are queries that the last link did not consider as neighbours."""

    def ask() -> bool:
        with stores.vectors.transaction("similarity.sql") as session:
            row = session.row("unlinked", memory=memory)
        return row is not None and bool(row[0])

    return retried(ask)


def _chunks(ids: list[str]) -> list[list[str]]:
    return [ids[at : at + QUERIES_A_CHUNK] for at in range(0, len(ids), QUERIES_A_CHUNK)]


def edges_now(
    stores: Stores, begun: MemoryState, query_ids: list[str], neighbours: int
) -> list[dict[str, Any]]:
    """Rows of SIMILAR_TO of queries of a memory, as a link that has begun finds them.

    Raises:
        UnknownMemoryError: if it was deleted since.
    """
    cache = query_vectors(stores.vectors, begun.name)
    with stores.vectors.transaction("similarity.sql") as session:
        return nearest(session, same_memory(session, begun), query_ids, neighbours, cache)


class _Link:
    """The next generation of one memory."""

    def __init__(
        self,
        cache: QueryVectors,
        neighbours: int | None,
        progress: LinkProgress | None,
        elsewhere: FindEdges | None,
    ) -> None:
        self._cache, self._neighbours, self._progress = cache, neighbours, progress
        self._elsewhere = elsewhere

    def build(self, session: SqlSession, begun: MemoryState) -> None:
        """Edges of all queries accepted up to `begun.seq`, a chunk a transaction."""
        self._begun, self._k = begun, self._neighbours or begun.neighbours
        session.of("similarity.sql").run("drop_unfinished_generations", memory=begun.name)
        ids = self._queries(session, 0, begun.seq)
        done = 0
        for chunk, edges in self._found(session, _chunks(ids)):
            self._copy(session, edges)
            done += len(chunk)
            if self._progress is not None:
                self._progress(done, len(ids))

    def finish(self, batch: OutboxBatch) -> int:
        """Under the lock: add what arrived since, then move the pointer; the number of edges."""
        begun, memory, sql = self._begun, batch.memory, batch.session.of("similarity.sql")
        generation = begun.generation + 1
        late = self._queries(sql, begun.seq, batch.state.seq)
        self._copy(sql, self._nearest(sql, batch.state, late))
        sql.run("stamp_generation", memory=memory, generation=generation, seq=batch.seq)
        sql.run(
            "move_generation",
            memory=memory,
            generation=generation,
            neighbours=self._k,
            linked_seq=begun.seq,
        )
        encoder = batch.state.encoder
        batch.tell({"generation": generation, "encoder": encoder, "seq": batch.seq})
        row = sql.row("generation_size", memory=memory)
        return 0 if row is None else int(row[0])

    def _queries(self, session: SqlSession, after: int, upto: int) -> list[str]:
        bounds = {"memory": self._begun.name, "after": after, "upto": upto}
        return [row[0] for row in session.of("similarity.sql").rows("queries_between", **bounds)]

    def _found(
        self, session: SqlSession, chunks: Sequence[list[str]]
    ) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
        """Each chunk of queries, and their edges."""
        if self._elsewhere is not None:
            found = self._elsewhere(self._begun, chunks, self._k)
            yield from zip(chunks, found, strict=True)
            return
        for chunk in chunks:
            yield chunk, self._nearest(session, same_memory(session, self._begun), chunk)

    def _nearest(
        self, session: SqlSession, now: MemoryState, ids: list[str]
    ) -> list[dict[str, Any]]:
        return nearest(session, now, ids, self._k, self._cache)

    def _copy(self, session: SqlSession, edges: list[dict[str, Any]]) -> None:
        copy_edges(session, self._begun.name, self._begun.generation + 1, 0, edges)
