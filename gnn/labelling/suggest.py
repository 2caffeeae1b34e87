"""Which queries to label next: one typical query of each part of a memory without a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.cluster import KMeans

from schema.errors import InputError
from schema.memory_graph import Bools, Floats, Ints

#: Steps of the clustering; more change little.
STEPS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A query whose label would help, and why."""

    #: Its row.
    query: int
    #: Queries of the cluster that it represents, itself included.
    stands_for: int
    #: Cosine to the nearest labelled query; None without any.
    nearest_label: float | None


def suggest_queries(
    embedding_QD: Floats, labelled_Q: Bools, budget: int, *, seed: int = 0
) -> list[Suggestion]:
    """Choose `budget` unlabelled queries whose labels help most, the largest clusters first.

    Queries are clustered by their embeddings into as many clusters as there will be labelled
    ones. From each cluster without a label the query nearest to its centre is taken, so that
    every label speaks for queries around it, and none for what is labelled already. Works before
    any label exists. (Hacohen, Dekel and Weinshall 2022 call such a choice typical.)

    Args:
        embedding_QD: of all queries, any length but 0.
        labelled_Q: which of them have a label.
        budget: how many to choose; where fewer are unlabelled, all of these are.
        seed: of the clustering.

    Raises:
        InputError: if `budget` is below 1.
    """
    if budget < 1:
        raise InputError(f"a budget of {budget} queries cannot be used: give at least 1")
    unit_QD = embedding_QD / np.linalg.norm(embedding_QD, axis=1, keepdims=True)
    covered_Q = labelled_Q.copy()
    chosen: list[tuple[int, int]] = []
    while len(chosen) < budget and not covered_Q.all():
        found = _typical(unit_QD, covered_Q, budget - len(chosen), seed)
        covered_Q[[query for query, _ in found]] = True
        chosen += found
    nearest = _nearest_labels(unit_QD, labelled_Q, [query for query, _ in chosen])
    return [
        Suggestion(query=query, stands_for=size, nearest_label=cosine)
        for (query, size), cosine in zip(chosen, nearest, strict=True)
    ]


def _typical(unit_QD: Floats, covered_Q: Bools, wanted: int, seed: int) -> list[tuple[int, int]]:
    """The central query of each cluster without a covered one, and the cluster's size."""
    n_distinct = len(np.unique(unit_QD, axis=0))
    n_clusters = min(int(covered_Q.sum()) + wanted, n_distinct)
    model = KMeans(n_clusters, max_iter=STEPS, random_state=seed)
    cluster_Q: Ints = np.asarray(model.fit_predict(unit_QD), dtype=np.int64)
    distance_Q = np.linalg.norm(unit_QD - np.asarray(model.cluster_centers_)[cluster_Q], axis=1)
    size_C = np.bincount(cluster_Q, minlength=n_clusters)
    free_C = np.bincount(cluster_Q[covered_Q], minlength=n_clusters) == 0
    found: list[tuple[int, int]] = []
    for cluster in np.argsort(-size_C, kind="stable").tolist():
        members = np.flatnonzero(cluster_Q == cluster)
        if len(found) < wanted and free_C[cluster] and len(members):
            found.append((int(members[distance_Q[members].argmin()]), int(size_C[cluster])))
    if not found:  # equal texts: every cluster holds a label, yet some queries have none
        found = [(int(query), 1) for query in np.flatnonzero(~covered_Q)[:wanted]]
    return found


def _nearest_labels(
    unit_QD: Floats, labelled_Q: Bools, queries: Sequence[int]
) -> list[float | None]:
    if not labelled_Q.any() or not queries:
        return [None] * len(queries)
    return (unit_QD[list(queries)] @ unit_QD[labelled_Q].T).max(axis=1).tolist()
