"""Logistic regression on who said an answer and who agrees."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from torch import Tensor

from gnn.base import (
    FitReport,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    no_progress,
    not_fitted,
)
from gnn.models.baselines.constant_majority_knn import fit_report
from gnn.models.baselines.logistic_fit import LogisticFit
from gnn.models.baselines.policy_accuracy import PolicyAccuracy
from gnn.models.baselines.reliability_features import RELIABILITY_FEATURES, reliability_features
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach

#: Inverse strength of the penalty: next to none, for the inputs are few.
INVERSE_PENALTY: Final = 1.0


class ReliabilityModel:
    """Logistic regression on the RELIABILITY_FEATURES, standardised; it reads no text."""

    name: ClassVar[str] = "reliability"
    reach: ClassVar[Reach] = Reach(hops=0)
    features: tuple[str, ...] = RELIABILITY_FEATURES

    def __init__(self) -> None:
        """See the class."""
        self._accuracy: PolicyAccuracy | None = None
        self._fit: LogisticFit | None = None

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Count each policy's right answers, then fit; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        self._accuracy = PolicyAccuracy.fit(graph, labelled_R)
        input_RF = reliability_features(graph, self._accuracy.of_rollouts(graph))
        self._fit = LogisticFit.of(graph, input_RF, labelled_R, inverse_penalty=INVERSE_PENALTY)
        return fit_report(graph, labelled_R, started)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        if self._accuracy is None or self._fit is None:
            raise not_fitted(self.name)
        input_RF = reliability_features(graph, self._accuracy.of_rollouts(graph))
        return self._fit.probability(graph, input_RF)

    def state(self) -> ModelState:
        """Accuracies and weights."""
        if self._accuracy is None or self._fit is None:
            raise not_fitted(self.name)
        config = {"accuracy": self._accuracy.to_json(), "intercept": self._fit.intercept}
        return self._fit.tensors(), config

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._accuracy = PolicyAccuracy.from_json(config["accuracy"])
        model._fit = LogisticFit.from_tensors(tensors, config["intercept"])
        return model
