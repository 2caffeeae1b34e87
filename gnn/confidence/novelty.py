"""How unlike anything labelled a query is: by its text, and by what its group looks like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from gnn.features import TEXT_NAMES, group_means, rollout_features
from schema.memory_graph import Bools, Floats, MemoryGraph

#: Share of queries like the labelled ones that each of the two measures calls too far.
TOO_FAR: Final = 0.01
#: Labelled queries whose embeddings are kept; of more, a random part.
KEPT: Final = 4_096
#: Parts of the labelled queries; the distance of each is measured by the others.
FOLDS: Final = 5


def group_table(graph: MemoryGraph) -> Floats:
    """Mean text features of each query's rollouts, [Q, F]; 0 for a query without rollouts.

    Features that are taken against the group, whose mean is 0, are left out.
    """
    found = rollout_features(graph)
    columns = [i for i, name in enumerate(TEXT_NAMES) if not name.endswith("|group")]
    query_R = graph.query_of_rollout_R
    return group_means(found.text_RF[:, columns], query_R, len(graph.query_id_Q))


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """Two distances from the labelled queries, each with the one beyond which nothing is said.

    The first is the cosine to the nearest labelled query, among those that the model was fitted on
    and the labelled neighbours in the graph; the second the Mahalanobis distance of the group's
    text features, with the covariance of Ledoit and Wolf (2004). Both thresholds leave out the
    share TOO_FAR of queries that are like the labelled ones: the k-th most distant labelled query
    of n, seen by others, k = (n + 1) TOO_FAR (as in conformal prediction). Fewer labelled queries
    than 1 / TOO_FAR exclude nothing. A query's result depends on its own text, rollouts and
    neighbours only.
    """

    embedding_LD: Floats
    least_cosine: float
    mean_F: Floats
    #: Inverse of a Cholesky factor of the covariance: |whiten_FF @ (x - mean_F)| is the distance.
    whiten_FF: Floats
    largest_distance: float

    @classmethod
    def fit(cls, graph: MemoryGraph, group_QF: Floats) -> Self:
        """Fit to the labelled queries of `graph`, whose groups look like `group_QF`."""
        query_R = graph.query_of_rollout_R
        queries = np.unique(query_R[graph.labelled_R & (query_R >= 0)])
        rng = np.random.default_rng(0)
        order = rng.permutation(queries)
        kept_LD = unit(graph.query_embedding_QD[np.sort(order[:KEPT])])
        cosine_LL = kept_LD @ kept_LD.T
        np.fill_diagonal(cosine_LL, -1.0)
        if (len(queries) + 1) * TOO_FAR < 1:
            n_features = group_QF.shape[1]
            return cls(
                embedding_LD=kept_LD,
                least_cosine=-np.inf,
                mean_F=np.zeros(n_features, np.float32),
                whiten_FF=np.zeros((n_features, n_features), np.float32),
                largest_distance=np.inf,
            )
        distances = [
            _distances(group_QF[part], *_whitening(group_QF[np.setdiff1d(order, part)]))
            for part in np.array_split(order, FOLDS)
        ]
        mean_F, whiten_FF = _whitening(group_QF[queries])
        return cls(
            embedding_LD=kept_LD,
            least_cosine=-_beyond(-cosine_LL.max(axis=1)),
            mean_F=mean_F,
            whiten_FF=whiten_FF,
            largest_distance=_beyond(np.concatenate(distances)),
        )

    def out_of_distribution(self, graph: MemoryGraph, group_QF: Floats) -> Bools:
        """Queries unlike anything labelled, [Q]; never one that has a label itself."""
        cosine_Q = (unit(graph.query_embedding_QD) @ self.embedding_LD.T).max(axis=1)
        query_R = graph.query_of_rollout_R
        labelled_Q = np.zeros(len(graph.query_id_Q), dtype=np.bool_)
        labelled_Q[query_R[graph.labelled_R & (query_R >= 0)]] = True
        chose, neighbour = graph.similar_2E
        known_E = labelled_Q[neighbour]
        np.maximum.at(cosine_Q, chose[known_E], graph.similar_score_E[known_E])
        far_Q = cosine_Q < self.least_cosine
        far_Q |= _distances(group_QF, self.mean_F, self.whiten_FF) > self.largest_distance
        return far_Q & ~labelled_Q

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors, and what JSON can hold; None means a threshold that excludes nothing."""
        tensors = {
            "embedding": torch.from_numpy(self.embedding_LD.astype(np.float16)),
            "mean": torch.from_numpy(self.mean_F),
            "whiten": torch.from_numpy(self.whiten_FF),
        }
        return tensors, {
            "least_cosine": _or_none(self.least_cosine),
            "largest_distance": _or_none(self.largest_distance),
        }

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """What `state` described; embeddings are kept in half precision."""
        least, largest = config["least_cosine"], config["largest_distance"]
        return cls(
            embedding_LD=tensors["embedding"].numpy().astype(np.float32),
            least_cosine=-np.inf if least is None else least,
            mean_F=tensors["mean"].numpy(),
            whiten_FF=tensors["whiten"].numpy(),
            largest_distance=np.inf if largest is None else largest,
        )


def unit(rows_ND: Floats) -> Floats:
    """Rows of length 1."""
    length_N = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    return (rows_ND / np.maximum(length_N, 1e-12)).astype(np.float32)


def _whitening(rows_LF: Floats) -> tuple[Floats, Floats]:
    """Mean, and the inverse Cholesky factor of the shrunk covariance.

    Columns are first divided by their spread; one that hardly varies, by that of all columns.
    """
    rows = rows_LF.astype(np.float64)
    spread_F = rows.std(axis=0)
    usual = float(np.median(spread_F[spread_F > 0])) if (spread_F > 0).any() else 1.0
    scale_F = np.maximum(spread_F, 0.1 * usual)
    fitted = LedoitWolf().fit((rows - rows.mean(axis=0)) / scale_F)
    covariance_FF = fitted.covariance_ + 1e-3 * np.eye(rows.shape[1])
    whiten_FF = np.linalg.inv(np.linalg.cholesky(covariance_FF)) / scale_F
    return rows.mean(axis=0).astype(np.float32), whiten_FF.astype(np.float32)


def _distances(rows_NF: Floats, mean_F: Floats, whiten_FF: Floats) -> Floats:
    return np.linalg.norm((rows_NF - mean_F) @ whiten_FF.T, axis=1).astype(np.float32)


def _beyond(distance_L: Floats) -> float:
    """The distance that the share TOO_FAR of new queries exceeds."""
    rank = int(np.ceil((len(distance_L) + 1) * (1 - TOO_FAR)))
    return float(np.sort(distance_L)[min(rank, len(distance_L)) - 1])


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
