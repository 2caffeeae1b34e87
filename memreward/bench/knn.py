"""`memreward bench knn`: the nearest queries, three ways."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from memreward.base import Bars
from memreward.bench.data import Mixer
from memreward.bench.report import percentile
from memreward.bench.scratch import RUN, scratch_memory
from memstore import Settings
from memstore.db import Stores, get_memory
from memstore.encoders import Encoder
from memstore.outbox import DEFAULT_NEIGHBOURS, Arrival, insert_queries, lock_memory
from memstore.servers import SAMPLE
from memstore.similarity import QueryVectors, build_index, nearest, query_vectors
from schema.errors import InputError, StoreError
from schema.keyed_rollout import PreparedRollout, prepare
from schema.memory_graph import Floats, Ints

#: Queries asked at once, as by a step; and how many of them the recall is measured over.
ASKED: Final = 64
RECALL_OVER: Final = 512
_A_BATCH: Final = 1_024
_SEQ: Final = 1


@dataclass(frozen=True, kw_only=True)
class KnnRequest:
    """What to measure."""

    sizes: Sequence[int]
    rollouts: Path = SAMPLE
    repeats: int = 5

    def __post_init__(self) -> None:
        """Check the sizes."""
        if not self.sizes or min(self.sizes) < ASKED or self.repeats < 1:
            raise InputError(f"--queries: give at least {ASKED}; --repeats: at least 1")


def bench_knn(
    stores: Stores, settings: Settings, request: KnnRequest, progress: Bars
) -> dict[str, Any]:
    """Median seconds of 64 searches by each way and size, and the recall at 7 of the index."""
    mixer = Mixer.of(request.rollouts)
    rows = []
    for place, size in enumerate(request.sizes):
        with scratch_memory(stores, settings) as memory:
            rows.append(_row(stores, memory, mixer, size, request.repeats))
        progress("sizes", place + 1, len(request.sizes))
    return {"rows": rows, "asked": ASKED, "neighbours": DEFAULT_NEIGHBOURS}


def _row(stores: Stores, memory: str, mixer: Mixer, size: int, repeats: int) -> dict[str, Any]:
    items = [prepare(memory, RUN, mixer.one(number)) for number in range(size + ASKED)]
    items, later = items[:size], items[size:]
    for start in range(0, size, _A_BATCH):
        _insert(stores, memory, items[start : start + _A_BATCH])
    chosen = np.random.default_rng(0).permutation(size)
    asked = [items[row].query_id for row in chosen[:ASKED]]
    wide = [items[row].query_id for row in chosen[:RECALL_OVER]]

    state = replace(get_memory(stores, memory), seq=_SEQ)
    cache = query_vectors(stores.vectors, memory)

    def search(ids: list[str], cache: QueryVectors | None = None) -> set[tuple[str, str]]:
        with stores.vectors.transaction("similarity.sql") as session:
            edges = nearest(session, state, ids, DEFAULT_NEIGHBOURS, cache)
        return {(edge["query_id"], edge["neighbour_id"]) for edge in edges}

    exact_s, exact = _median(lambda: search(asked), repeats), search(wide)
    held_s, by_product = _median(lambda: search(asked, cache), repeats), search(wide, cache)
    if by_product != exact:
        raise StoreError("the matrix product found other neighbours than Postgres: report this")
    began = time.perf_counter()
    if not build_index(stores, state):
        raise StoreError(
            "no index was built: another build is going on, or pgvector is below 0.8.4"
        )
    build_s = time.perf_counter() - began
    hnsw_s, by_index = _median(lambda: search(asked), repeats), search(wide)
    flat_s = _flat_seconds(items, chosen[:ASKED], repeats)
    return {
        "queries": size,
        "held_s": held_s,
        "hnsw_s": hnsw_s,
        "exact_s": exact_s,
        "flat_s": flat_s,
        "exact_over_held": exact_s / held_s,
        "hnsw_over_held": hnsw_s / held_s,
        "flat_over_held": flat_s / held_s,
        "recall": len(exact & by_index) / len(exact),
        "build_s": build_s,
        "insert_s": _insert(stores, memory, later),
    }


def _flat_seconds(items: Sequence[PreparedRollout], rows: Ints, repeats: int) -> float:
    """Median seconds of the same search by one matrix product."""
    unit_QD = np.stack([item.embedding for item in items])
    unit_QD /= np.linalg.norm(unit_QD, axis=1, keepdims=True)
    return _median(lambda: nearest_rows(unit_QD, rows, DEFAULT_NEIGHBOURS), repeats)


def _insert(stores: Stores, memory: str, items: Sequence[PreparedRollout]) -> float:
    """Seconds to insert queries, without rollouts or edges."""
    encoder = Encoder()
    began = time.perf_counter()
    with stores.vectors.transaction("outbox.sql") as session:
        lock_memory(
            session,
            memory,
            encoder.name,
            encoder.dimension,
            DEFAULT_NEIGHBOURS,
            incarnation=None,
        )
        insert_queries(session, [Arrival(memory=memory, seq=_SEQ, new=items)])
    return time.perf_counter() - began


def _median(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of some runs, after one that does not count."""
    seconds: list[float] = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return percentile(seconds[1:], 50)


def nearest_rows(unit_QD: Floats, rows: Ints, k: int) -> tuple[Ints, Floats]:
    """The k other rows nearest to each of some rows by a matrix product, best first: [M, k]."""
    cosine_MQ = unit_QD[rows] @ unit_QD.T
    cosine_MQ[np.arange(len(rows)), rows] = -np.inf
    near = np.argpartition(-cosine_MQ, k - 1, axis=1)[:, :k]
    cosine = np.take_along_axis(cosine_MQ, near, axis=1)
    order = np.argsort(-cosine, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(cosine, order, axis=1)
