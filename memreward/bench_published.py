"""The published way of rewarding a step, as a rival: the whole graph anew, a pass over all of it.

Favourable to it: embeddings, texts and all edges but those of similarity are in memory already, no
database is read, and the cosines are one matrix product.
"""

import time
from dataclasses import replace
from typing import Final

import numpy as np

from gnn.published import PublishedConfig, PublishedModel
from memstore.accept import DEFAULT_NEIGHBOURS
from memstore.snapshot import Snapshot
from memstore.snapshot_cut import whole
from schema.memory_graph import Floats, MemoryGraph

_ROWS_AT_ONCE: Final = 1_024


def fitted_published(snapshot: Snapshot) -> PublishedModel:
    """The published model, trained for one epoch: what it says does not change what it costs."""
    model = PublishedModel(PublishedConfig(max_epochs=1))
    model.fit(whole(snapshot).graph, seed=0)
    model.predict_at_once = 1 << 40  # Parts would overlap: one pass costs it less.
    return model


def published_step(model: PublishedModel, graph: MemoryGraph) -> tuple[float, float]:
    """Seconds, and seconds of processor time, to reward a step that `graph` holds already."""
    began, spent = time.perf_counter(), time.process_time()
    model.predict(_rebuilt(graph))
    return time.perf_counter() - began, time.process_time() - spent


def _rebuilt(graph: MemoryGraph) -> MemoryGraph:
    """The graph with its similarity edges computed anew from the embeddings."""
    unit_QD = graph.query_embedding_QD / np.linalg.norm(
        graph.query_embedding_QD, axis=1, keepdims=True
    )
    n_queries = len(unit_QD)
    k = min(DEFAULT_NEIGHBOURS, n_queries - 1)
    near, scores = [np.zeros((0, k), np.int64)], [np.zeros((0, k), np.float32)]
    for start in range(0, n_queries, _ROWS_AT_ONCE):
        found, cosine = nearest_rows(
            unit_QD, np.arange(start, min(start + _ROWS_AT_ONCE, n_queries)), k
        )
        near.append(found)
        scores.append(cosine)
    near_QK = np.concatenate(near)
    source = np.repeat(np.arange(n_queries), k)
    return replace(
        graph,
        similar_2E=np.stack([source, near_QK.ravel()]),
        similar_score_E=np.concatenate(scores).ravel(),
    )


def nearest_rows(unit_QD: Floats, rows: np.ndarray, k: int) -> tuple[np.ndarray, Floats]:
    """The k other rows nearest to each of some rows by a matrix product, best first: [M, k]."""
    cosine_MQ = unit_QD[rows] @ unit_QD.T
    cosine_MQ[np.arange(len(rows)), rows] = -np.inf
    near = np.argpartition(-cosine_MQ, k - 1, axis=1)[:, :k]
    cosine = np.take_along_axis(cosine_MQ, near, axis=1)
    order = np.argsort(-cosine, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(cosine, order, axis=1)
