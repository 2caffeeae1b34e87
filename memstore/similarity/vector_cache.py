"""The embeddings of a memory's queries in this process: exact neighbours by a matrix product.

They are read once and caught up by sequence number, as a writer needs them. The product only says
which queries can be among the nearest; their distances come from Postgres, so that cosines, the
order of ties and filtered rows are those of a search there.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from memstore.db import MemoryState, SqlSession, VectorStore, vectors
from schema.memory_graph import Floats

#: Fewer searches than this are not worth reading all embeddings for.
WORTH_READING: Final = 8
#: More than a product of float32 and pgvector's distance can differ.
_MARGIN: Final = 1e-5
#: Searches in one product: bounds the memory that it takes.
_AT_ONCE: Final = 64
#: Memories that one process keeps the embeddings of; the shards of one are several.
_KEPT: Final = 16

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


class QueryVectors:
    """Unit embeddings of one memory's queries up to one sequence number."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._seq = 0
        self._row: dict[str, int] = {}
        self._ids: list[str] = []
        self._unit_ND: Floats = np.zeros((0, 0), np.float32)

    def is_worth_it(self, state: MemoryState, searches: int) -> bool:
        """Whether so many searches are faster here than in Postgres."""
        return searches >= WORTH_READING or self._stamp == _stamp(state)

    def candidates(
        self,
        session: SqlSession,
        state: MemoryState,
        asked: Sequence[str],
        k: int,
        arriving: Mapping[str, Floats],
    ) -> list[tuple[str, str]]:
        """Pairs (asked, other), among them the k nearest others of every asked query.

        Args:
            session: sees all that is accepted up to `state.seq`.
            state: of the memory.
            asked: ids of queries; those of no cached or arriving query are left out.
            k: how many neighbours a query gets.
            arriving: embeddings by id of the queries of the batch that is being accepted.
        """
        with self._lock:
            self._catch_up(session, state)
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
    ) -> list[tuple[str, str]]:
        """Pairs (asked, other), among them the k nearest stored others of every vector.

        Args:
            session: sees all that is accepted up to `state.seq`.
            state: of the memory.
            asked: embeddings by id of queries, which are stored here or elsewhere.
            k: how many neighbours each gets.
        """
        with self._lock:
            self._catch_up(session, state)
            ids, unit_MD = list(asked), _unit(vectors(list(asked.values())))
            found: list[tuple[str, str]] = []
            for start in range(0, len(ids), _AT_ONCE):
                chunk = ids[start : start + _AT_ONCE]
                cosine_MN = unit_MD[start : start + _AT_ONCE] @ self._unit_ND[: len(self._ids)].T
                own = [
                    (place, self._row[id_]) for place, id_ in enumerate(chunk) if id_ in self._row
                ]
                for place, row in own:
                    cosine_MN[place, row] = -np.inf
                pairs = zip(*_highest(cosine_MN, k), strict=True)
                found += [(chunk[place], self._ids[other]) for place, other in pairs]
            return found

    def _near(
        self, asked: Sequence[str], k: int, new_ids: list[str], new_ND: Floats
    ) -> list[tuple[str, str]]:
        n_cached = len(self._ids)
        new_row = {id_: n_cached + place for place, id_ in enumerate(new_ids)}
        rows = {id_: new_row.get(id_, self._row.get(id_)) for id_ in asked}
        known = [id_ for id_, row in rows.items() if row is not None]
        if not known:
            return []
        rows_M = np.array([rows[id_] for id_ in known], np.int64)
        is_new_M = rows_M >= n_cached
        asked_MD = np.empty((len(known), new_ND.shape[1]), np.float32)
        asked_MD[~is_new_M] = self._unit_ND[rows_M[~is_new_M]]
        asked_MD[is_new_M] = new_ND[rows_M[is_new_M] - n_cached]
        cosine_MN = np.hstack([asked_MD @ self._unit_ND[:n_cached].T, asked_MD @ new_ND.T])
        cosine_MN[np.arange(len(known)), rows_M] = -np.inf
        return [
            (known[place], self._ids[other] if other < n_cached else new_ids[other - n_cached])
            for place, other in zip(*_highest(cosine_MN, k), strict=True)
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
            self._unit_ND = np.zeros((0, state.dimension), np.float32)
        ids, found_ND = sql.embeddings(
            "query_vectors", memory=state.name, after=self._seq, upto=state.seq
        )
        if ids:
            self._append(ids, _unit(found_ND))
        self._stamp, self._seq = stamp, state.seq

    def _taken_away(self, sql: SqlSession, state: MemoryState) -> bool:
        row = sql.row("removed_since", memory=state.name, after=self._seq)
        return row is not None and bool(row[0])

    def _append(self, ids: list[str], unit_ND: Floats) -> None:
        n_cached, needed = len(self._ids), len(self._ids) + len(ids)
        if needed > len(self._unit_ND):
            room = np.empty((max(needed, 2 * n_cached), unit_ND.shape[1]), np.float32)
            room[:n_cached] = self._unit_ND[:n_cached]
            self._unit_ND = room
        self._unit_ND[n_cached:needed] = unit_ND
        self._row |= {id_: n_cached + place for place, id_ in enumerate(ids)}
        self._ids += ids


def _highest(cosine_MN: Floats, k: int) -> tuple[list[int], list[int]]:
    """Rows and columns of those that can be among the k highest of a row; -inf cannot."""
    k = min(k, cosine_MN.shape[1])
    if k < 1:
        return [], []
    least_M = np.partition(cosine_MN, -k, axis=1)[:, -k] - _MARGIN
    possible_MN = (cosine_MN >= least_M[:, None]) & (cosine_MN > -np.inf)
    places, others = np.nonzero(possible_MN)
    return places.tolist(), others.tolist()


def _stamp(state: MemoryState) -> _Stamp:
    return state.incarnation, state.encoder, state.dimension


def _unit(rows_ND: Floats) -> Floats:
    return rows_ND / np.linalg.norm(rows_ND, axis=1, keepdims=True)
