"""The index by which a large memory finds its nearest queries: pgvector's HNSW, one a memory.

Several memories share a table, so each has a partial index of its own: a search never wades through
others' queries. It is built while others write, once the memory has `INDEXED_FROM` queries; until
it is complete, and in smaller memories, the search is exact. Where and why: docs/performance.md.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

from memstore.db import (
    MemoryState,
    SqlSession,
    Stores,
    VectorStore,
    find_memories,
    retried,
)
from schema.ids import digest

#: Queries from which on the index does: up to then each writer holds all embeddings (350 MB,
#: in codes), and a matrix product is exact and faster (docs/performance.md).
INDEXED_FROM: Final = 400_000
#: The first pgvector whose index survives inserts during a vacuum, and scans on when filtered.
_LEAST_VERSION: Final = [0, 8, 4]
#: Up to which batch a memory, by its incarnation, was counted in this process, and its queries.
_Counts = dict[str, tuple[int, int]]
_counts: Final[WeakKeyDictionary[VectorStore, _Counts]] = WeakKeyDictionary()


def index_name(memory: str, dimension: int) -> str:
    """Name of a memory's index for embeddings of one dimension."""
    return f"{_prefix(memory)}{dimension}"


def _prefix(memory: str) -> str:
    return f"nearest_{digest(memory)}_"


def has_index(session: SqlSession, memory: str, dimension: int) -> bool:
    """Whether a memory's index is there and complete."""
    row = session.of("similarity.sql").row("index_built", index=index_name(memory, dimension))
    return row is not None and bool(row[0])


def any_index(session: SqlSession, states: Sequence[MemoryState]) -> bool:
    """Whether the index of one of several memories is there and complete."""
    names = [index_name(state.name, state.dimension) for state in states]
    row = session.of("similarity.sql").row("indexes_built", indexes=names)
    return row is not None and bool(row[0])


@contextmanager
def searching(
    session: SqlSession, memory: str, dimension: int
) -> Iterator[tuple[SqlSession, SqlSession | None]]:
    """Statements of `similarity.sql`: exact ones, and those for a memory's index if it has one.

    To be used inside a transaction, whose settings are tuned for searches until the block ends.
    """
    name = index_name(memory, dimension)
    sql = session.of("similarity.sql")
    by_index = None
    if has_index(session, memory, dimension):
        by_index = session.written("similarity.sql", name=name, memory=memory, dimension=dimension)
    sql.row("tune")
    yield sql, by_index
    sql.row("untune")


def keep_index(stores: Stores, memory: str, *, size: int = INDEXED_FROM) -> bool:
    """Build the index of a memory that has `size` queries and none; returns whether it did.

    Only the caller waits for it: writers and readers continue, and another process that builds
    one is left to it. An index whose build was interrupted is built again.
    """
    return keep_indexes(stores, [memory], size=size)


def keep_indexes(stores: Stores, memories: Sequence[str], *, size: int = INDEXED_FROM) -> bool:
    """The same of several memories; returns whether one was built."""
    missing = retried(lambda: _missing(stores, memories, size))
    return any([build_index(stores, state) for state in missing])


def _missing(stores: Stores, memories: Sequence[str], size: int) -> list[MemoryState]:
    """The memories that have so many queries and no index."""
    counts = _counts.setdefault(stores.vectors, {})
    with stores.vectors.reading("similarity.sql") as session:
        lacking = list(find_memories(session, memories).values())
        if any_index(session, lacking):
            lacking = [one for one in lacking if not has_index(session, one.name, one.dimension)]
        return [state for state in lacking if _has_so_many(session, state, size, counts)]


def _has_so_many(session: SqlSession, state: MemoryState, size: int, counts: _Counts) -> bool:
    """Whether a memory has `size` queries: what has come since the last time is counted.

    With each batch all of them would be: at 375,000, 0.03 s.
    """

    def arrived(after: int) -> int:
        span = {"memory": state.name, "after": after, "upto": state.seq}
        row = session.row("queries_arrived", **span)
        return 0 if row is None else int(row[0])

    seq, queries = counts.get(state.incarnation, (0, 0))
    if state.seq >= seq:
        queries += arrived(seq)
    if state.seq < seq or (seq and queries >= size):
        queries = arrived(0)  # Some may have gone since.
    counts[state.incarnation] = (state.seq, queries)
    return queries >= size


def build_index(stores: Stores, state: MemoryState) -> bool:
    """Build the index of a memory, in place of what it has; False: this cannot be done now.

    Another build is going on then, or pgvector is too old.
    """
    name = index_name(state.name, state.dimension)
    with stores.vectors.session("similarity.sql") as session:
        version, locked = session.row("extension"), session.row("try_lock_builder")
        if version is None or version[0] < _LEAST_VERSION or locked is None or not locked[0]:
            return False
        drop_indexes(session, state.name)  # Of another dimension, or cut off.
        index = session.written(
            "similarity.sql", name=name, memory=state.name, dimension=state.dimension
        )
        index.run("build_index")
        session.run("analyse")
    return True


def drop_indexes(session: SqlSession, memory: str) -> None:
    """Drop whatever indexes a memory has; the session must commit each statement."""
    for (name,) in session.of("similarity.sql").rows("indexes", prefix=_prefix(memory)):
        session.written("similarity.sql", name=name).run("drop_index")
