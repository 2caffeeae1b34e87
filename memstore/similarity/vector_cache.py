"""The embeddings of a memory's queries in this process: exact neighbours by a matrix product.

They are read once and caught up by sequence number, as a writer needs them. The product only says
which queries can be among the nearest; their distances come from Postgres, so that cosines, the
order of ties and filtered rows are those of a search there.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from memstore.db import MemoryState, SqlSession, VectorStore, vectors
from memstore.similarity.float_vectors import FloatVectors, VectorTable
from memstore.similarity.possible import Possible
from schema.memory_graph import Floats

#: Fewer searches than this are not worth reading all embeddings for.
WORTH_READING: Final = 8
#: Queries from which on codes of one byte are searched: fewer are multiplied in no time.
CODED_FROM: Final = 16_384
#: As many batches are read as a whole; of more, so many rows at a time.
FEW_BATCHES: Final = 4
_ROWS_A_PAGE: Final = 4_096
#: Searches in one product: bounds the memory that it takes.
_AT_ONCE: Final = 64
#: Memories that one process keeps the embeddings of; the shards of one are several.
_KEPT: Final = 16

#: Ids of a query and of another one, with what their cosine is at least and at most.
Bounded = tuple[str, str, float, float]
#: What the cached rows are true of: incarnation, encoder, dimension.
_Stamp = tuple[str, str, int]
_caches: WeakKeyDictionary[VectorStore, dict[str, "QueryVectors"]] = WeakKeyDictionary()
_caches_lock = threading.Lock()


def query_vectors(store: VectorStore, memory: str) -> "QueryVectors":
    """Those of a memory that this process holds; nothing is read yet."""
    with _caches_lock:
        kept = _caches.setdefault(store, {})
        found = kept.pop(memory, None) or QueryVectors()
        kept[memory] = found
        while len(kept) > _KEPT:
            del kept[next(iter(kept))]
    return found


def catch_up_together(
    session: SqlSession, stands: Sequence[tuple["QueryVectors", MemoryState]]
) -> None:
    """Hold every query that is accepted in several memories; few batches are read for all at once.

    Args:
        session: sees all that is accepted up to each `state.seq`.
        stands: what is held of each memory, and its state.
    """
    stands = sorted(stands, key=lambda stand: stand[1].name)  # In an order for everybody.
    with ExitStack() as stack:
        for cache, _ in stands:
            stack.enter_context(cache._lock)
        few = {state.name: (cache, state) for cache, state in stands if cache._lags_little(state)}
        if len(few) > 1:
            sql = session.of("similarity.sql")
            bounds = {"memories": list(few), "after": [cache._seq for cache, _ in few.values()]}
            removed = {name for (name,) in sql.rows("removed_since_in_several", **bounds)}
            found: dict[str, list[tuple[str, Floats]]] = {name: [] for name in few}
            bounds["upto"] = [state.seq for _, state in few.values()]
            for name, id_, vector in sql.rows("query_vectors_in_several", **bounds):
                found[name].append((id_, vector))
            for name in few.keys() - removed:
                cache, state = few[name]
                cache._take(found[name])
                cache._seq = state.seq
        for cache, state in stands:
            cache._catch_up(session, state)


class QueryVectors:
    """Unit embeddings of one memory's queries up to one sequence number."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._seq = 0
        self._row: dict[str, int] = {}
        self._ids: list[str] = []
        self._table: VectorTable = FloatVectors(np.zeros((0, 0), np.float32))

    def is_worth_it(self, state: MemoryState, searches: int) -> bool:
        """Whether so many searches are faster here than in Postgres."""
        return searches >= WORTH_READING or self._stamp == _stamp(state)

    def candidates(
        self, state: MemoryState, asked: Sequence[str], k: int, arriving: Mapping[str, Floats]
    ) -> list[tuple[str, str]]:
        """Pairs (asked, other), among them the k nearest others of every asked query.

        Args:
            state: of the memory; all that it holds is held here (`catch_up_together`).
            asked: ids of queries; those of no held or arriving query are left out.
            k: how many neighbours a query gets.
            arriving: embeddings by id of the queries of the batch that is being accepted.
        """
        with self._lock:
            new_ND = np.zeros((0, state.dimension), np.float32)
            if arriving:
                new_ND = _unit(vectors(list(arriving.values())))
            return [
                pair
                for start in range(0, len(asked), _AT_ONCE)
                for pair in self._near(asked[start : start + _AT_ONCE], k, list(arriving), new_ND)
            ]

    def near(
        self, session: SqlSession, state: MemoryState, asked: Mapping[str, Floats], k: int
    ) -> list[Bounded]:
        """Pairs, among them the k nearest stored others of every vector.

        Args:
            session: sees all that is accepted up to `state.seq`.
            state: of the memory.
            asked: embeddings by id of queries, which are stored here or elsewhere.
            k: how many neighbours each gets.
        """
        if k < 1:
            return []
        with self._lock:
            self._catch_up(session, state)
            ids, unit_MD = list(asked), _unit(vectors(list(asked.values())))
            own_M = np.array([self._row.get(id_, -1) for id_ in ids], np.int64)
            found: list[Bounded] = []
            for start in range(0, len(ids), _AT_ONCE):
                chunk = slice(start, start + _AT_ONCE)
                exact_M = np.zeros(len(ids[chunk]), np.float32)
                near = self._table.near(unit_MD[chunk], exact_M, own_M[chunk], k)
                columns = near.search, near.row, near.low, near.high
                found += [
                    (ids[start + search], self._ids[row], low, high)
                    for search, row, low, high in zip(*(c.tolist() for c in columns), strict=True)
                ]
            return found

    def _near(
        self, asked: Sequence[str], k: int, new_ids: list[str], new_ND: Floats
    ) -> list[tuple[str, str]]:
        n_cached = len(self._ids)
        new_row = {id_: n_cached + place for place, id_ in enumerate(new_ids)}
        rows = {id_: new_row.get(id_, self._row.get(id_)) for id_ in asked}
        known = [id_ for id_, row in rows.items() if row is not None]
        if not known or k < 1:
            return []
        rows_M = np.array([rows[id_] for id_ in known], np.int64)
        is_new_M = rows_M >= n_cached
        asked_MD = np.empty((len(known), new_ND.shape[1]), np.float32)
        missing_M = np.zeros(len(known), np.float32)
        asked_MD[~is_new_M], missing_M[~is_new_M] = self._table.rows(rows_M[~is_new_M])
        asked_MD[is_new_M] = new_ND[rows_M[is_new_M] - n_cached]
        stored = self._table.near(asked_MD, missing_M, np.where(is_new_M, -1, rows_M), k)
        arriving = FloatVectors(new_ND).near(asked_MD, missing_M, rows_M - n_cached, k)
        arriving = replace(arriving, row=arriving.row + n_cached)
        found = Possible.joined([stored, arriving]).nearest(k, len(known))
        return [
            (known[search], self._ids[row] if row < n_cached else new_ids[row - n_cached])
            for search, row in zip(found.search.tolist(), found.row.tolist(), strict=True)
        ]

    def _catch_up(self, session: SqlSession, state: MemoryState) -> None:
        """Hold every query accepted up to `state.seq`."""
        stamp = _stamp(state)
        if (self._stamp, self._seq) == (stamp, state.seq):
            return
        sql = session.of("similarity.sql")
        if self._stamp != stamp or state.seq < self._seq or self._taken_away(sql, state):
            self._stamp, self._seq = None, 0
            self._row, self._ids = {}, []
            self._table = FloatVectors(np.zeros((0, state.dimension), np.float32))
        for rows in self._arrived(sql, state):
            self._take(rows)
        self._stamp, self._seq = stamp, state.seq

    def _lags_little(self, state: MemoryState) -> bool:
        return self._stamp == _stamp(state) and 0 < state.seq - self._seq <= FEW_BATCHES

    def _take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Hold these, ids with embeddings."""
        if rows:
            ids, found = zip(*rows, strict=True)
            self._append(list(ids), _unit(vectors(found)))

    def _arrived(self, sql: SqlSession, state: MemoryState) -> Iterable[list[tuple[Any, ...]]]:
        """Ids and embeddings of the queries that are not held yet, some at a time."""
        span = {"memory": state.name, "after": self._seq, "upto": state.seq}
        if state.seq - self._seq > FEW_BATCHES:
            return sql.stream("query_vectors", _ROWS_A_PAGE, **span)
        rows = sql.rows("query_vectors", **span)
        return [rows] if rows else []

    def _taken_away(self, sql: SqlSession, state: MemoryState) -> bool:
        row = sql.row("removed_since", memory=state.name, after=self._seq)
        return row is not None and bool(row[0])

    def _append(self, ids: list[str], unit_ND: Floats) -> None:
        n_cached = len(self._ids)
        if isinstance(self._table, FloatVectors) and n_cached + len(ids) >= CODED_FROM:
            self._table = _coded_if_faster(self._table)
        self._table.append(unit_ND)
        self._row |= {id_: n_cached + place for place, id_ in enumerate(ids)}
        self._ids += ids


def _coded_if_faster(table: FloatVectors) -> VectorTable:
    # Here, not above: importing torch takes seconds that small memories need not spend.
    from memstore.similarity.coded_vectors import CodedVectors, is_fast

    if not is_fast():
        return table
    coded = CodedVectors(table.unit_ND.shape[1])
    coded.append(table.unit_ND)
    return coded


def _stamp(state: MemoryState) -> _Stamp:
    return state.incarnation, state.encoder, state.dimension


def _unit(rows_ND: Floats) -> Floats:
    return rows_ND / np.linalg.norm(rows_ND, axis=1, keepdims=True)
