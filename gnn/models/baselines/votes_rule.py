"""Two baselines of one formula each: a vote of the policies, and what was verified already."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from gnn.base import (
    FitReport,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    no_progress,
    not_fitted,
)
from gnn.models.baselines.constant_majority_knn import fit_report, nan_without_query
from gnn.models.baselines.logistic_features import answer_share
from gnn.models.baselines.policy_accuracy import PolicyAccuracy
from gnn.models.baselines.reliability_features import sum_of_same, weighted_share
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach


class VotesModel:
    """The share of the query's rollouts that give the same answer, weighted by their policies.

    A rollout weighs what its policy's verified accuracy is; an answer without a conclusion gets 0.
    """

    name: ClassVar[str] = "votes"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = ("weighted_share",)

    def __init__(self) -> None:
        """See the class."""
        self._accuracy: PolicyAccuracy | None = None

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Count each policy's right answers; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        self._accuracy = PolicyAccuracy.fit(graph, labelled_R)
        return fit_report(graph, labelled_R, started)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """The weighted share, [R]; see RewardModel."""
        if self._accuracy is None:
            raise not_fitted(self.name)
        share_R = weighted_share(graph, self._accuracy.of_rollouts(graph))
        return nan_without_query(share_R, graph)

    def state(self) -> ModelState:
        """The accuracies."""
        if self._accuracy is None:
            raise not_fitted(self.name)
        return {}, {"accuracy": self._accuracy.to_json()}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._accuracy = PolicyAccuracy.from_json(config["accuracy"])
        return model


class RuleModel:
    """Who says what was verified on this very question is as right as that was.

    Verified rewards of one conclusion are averaged; a rollout's own is left out. Where none is
    left, the share of the query's rollouts that give the same answer is taken. It learns nothing.
    """

    name: ClassVar[str] = "rule"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = ("verified_of_conclusion", "answer_share")

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Count the labels and do nothing; see RewardModel."""
        return fit_report(graph, labelled_rollouts(graph), time.monotonic())

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """The rule, [R]; see RewardModel."""
        conclusion_R, labelled_R = graph.conclusion_of_rollout_R, graph.labelled_R
        reward_R = np.where(labelled_R, graph.verified_R, 0).astype(np.float32)
        count_R = sum_of_same(labelled_R.astype(np.float32), conclusion_R) - labelled_R
        total_R = sum_of_same(reward_R, conclusion_R) - reward_R
        verified_R = total_R / np.maximum(count_R, 1)
        rule_R = np.where(count_R > 0, verified_R, answer_share(graph))
        return nan_without_query(np.clip(rule_R, 0, 1), graph)

    def state(self) -> ModelState:
        """Nothing."""
        return {}, {}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """A new model: there is nothing to restore."""
        return cls()
