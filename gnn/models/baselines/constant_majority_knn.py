"""Baselines without a neural network, each a RewardModel, to compare others with."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from gnn.base import (
    FitReport,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    n_labelled_queries,
    no_progress,
    not_fitted,
)
from gnn.models.baselines.logistic_features import answer_share
from schema.errors import TrainingError
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.score import Reach


def fit_report(graph: MemoryGraph, labelled_R: Bools, started: float) -> FitReport:
    """Report of a fit in one pass that began at the monotonic time `started`."""
    return FitReport(
        n_rollouts=int(labelled_R.sum()),
        n_queries=n_labelled_queries(graph, labelled_R),
        seconds=time.monotonic() - started,
    )


def nan_without_query(probability_R: Floats, graph: MemoryGraph) -> Floats:
    """A rollout without a query gets no prediction."""
    return np.where(graph.query_of_rollout_R >= 0, probability_R, np.nan).astype(np.float32)


class ConstantModel:
    """The mean reward of the labelled rollouts, for every rollout."""

    name: ClassVar[str] = "constant"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = ()

    def __init__(self) -> None:
        """See the class."""
        self._rate: float | None = None

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Take the mean; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        self._rate = float(graph.verified_R[labelled_R].mean())
        return fit_report(graph, labelled_R, started)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """The mean, [R]; see RewardModel."""
        if self._rate is None:
            raise not_fitted(self.name)
        constant_R = np.full(len(graph.rollout_id_R), self._rate, dtype=np.float32)
        return nan_without_query(constant_R, graph)

    def state(self) -> ModelState:
        """The mean."""
        return {}, {"rate": self._rate}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._rate = config["rate"]
        return model


class MajorityModel:
    """The share of the query's rollouts that give the same answer; 0 for one without an answer.

    It learns nothing. Source: self-consistency (arXiv 2203.11171), as a score.
    """

    name: ClassVar[str] = "majority"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = ("answer_share",)

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Count the labels and do nothing; see RewardModel."""
        return fit_report(graph, labelled_rollouts(graph), time.monotonic())

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """The share, [R]; see RewardModel."""
        return nan_without_query(answer_share(graph), graph)

    def state(self) -> ModelState:
        """Nothing."""
        return {}, {}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """A new model: there is nothing to restore."""
        return cls()


class NearestModel:
    """Mean reward of the labelled rollouts that are nearest by their three text embeddings.

    Neighbours are the K_NEAREST of highest cosine of [query, thinking, answer]; exact, and all of
    equal weight.
    """

    name: ClassVar[str] = "knn"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = ("query_embedding", "thinking_embedding", "answer_embedding")

    #: Neighbours asked; fewer if fewer are labelled.
    K_NEAREST: Final = 20

    def __init__(self) -> None:
        """See the class."""
        self._embedding_LD: Floats | None = None
        self._reward_L: Floats = np.zeros(0, dtype=np.float32)

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Remember the labelled rollouts; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        self._embedding_LD = _texts(graph, labelled_R)
        self._reward_L = graph.verified_R[labelled_R]
        return fit_report(graph, labelled_R, started)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Mean reward of the nearest, [R]; see RewardModel."""
        if self._embedding_LD is None:
            raise not_fitted(self.name)
        known_R = graph.query_of_rollout_R >= 0
        embedding_RD = _texts(graph, known_R)
        if embedding_RD.shape[1] != self._embedding_LD.shape[1]:
            raise TrainingError(
                f"the model {self.name!r} remembers embeddings of {self._embedding_LD.shape[1]} "
                f"dimensions and memory {graph.memory!r} has {embedding_RD.shape[1]}: train a "
                "model on this memory"
            )
        index = NearestNeighbors(n_neighbors=min(self.K_NEAREST, len(self._reward_L)))
        index.set_params(algorithm="brute").fit(self._embedding_LD)
        nearest_RK = index.kneighbors(embedding_RD, return_distance=False)
        probability_R = np.full(len(known_R), np.nan, dtype=np.float32)
        probability_R[known_R] = self._reward_L[nearest_RK].mean(axis=1)
        return probability_R

    def state(self) -> ModelState:
        """The labelled rollouts it remembers."""
        if self._embedding_LD is None:
            raise not_fitted(self.name)
        tensors = {"embedding": self._embedding_LD, "reward": self._reward_L}
        return {key: torch.from_numpy(value) for key, value in tensors.items()}, {}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._embedding_LD = tensors["embedding"].numpy()
        model._reward_L = tensors["reward"].numpy()
        return model


def _texts(graph: MemoryGraph, among_R: Bools) -> Floats:
    """Query, thinking and answer embeddings side by side, scaled to length 1: [R, 3 D]."""
    embedding_RD = np.hstack(
        [
            graph.query_embedding_QD[graph.query_of_rollout_R[among_R]],
            graph.thinking_embedding_RD[among_R],
            graph.answer_embedding_RD[among_R],
        ]
    )
    return embedding_RD / np.linalg.norm(embedding_RD, axis=1, keepdims=True)
