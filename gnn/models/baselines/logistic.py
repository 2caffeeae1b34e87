"""Logistic regression on the group features, with the policy's signals where there are any."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

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
from gnn.models.baselines.constant_majority_knn import fit_report
from gnn.models.baselines.logistic_features import (
    GROUP_FEATURES,
    group_features,
    has_signals,
    signal_features,
    signal_names,
)
from gnn.models.baselines.logistic_fit import LogisticFit
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS
from schema.score import Reach

#: Inverse strength of the penalty; the measures differ little between 0.003 and 1.
INVERSE_PENALTY: Final = 0.01


class LogisticModel:
    """Logistic regression on the 17 GROUP_FEATURES, standardised.

    If any labelled rollout came with the policy's signals, their log-probability statistics and
    the policy embedding are used too; a missing one, or an embedding of another dimension, counts
    as the labelled rollouts' mean.
    """

    name: ClassVar[str] = "logistic"
    reach: ClassVar[Reach] = Reach(hops=0)

    def __init__(self) -> None:
        """See the class."""
        self._features: tuple[str, ...] = GROUP_FEATURES
        self._fit: LogisticFit | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return self._features

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Fit by maximum penalised likelihood; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        signals = signal_names(graph) if has_signals(graph, labelled_R) else ()
        self._features = (*GROUP_FEATURES, *signals)
        self._fit = LogisticFit.of(
            graph, self._inputs(graph), labelled_R, inverse_penalty=INVERSE_PENALTY
        )
        return fit_report(graph, labelled_R, started)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        if self._fit is None:
            raise not_fitted(self.name)
        return self._fit.probability(graph, self._inputs(graph))

    def _inputs(self, graph: MemoryGraph) -> Floats:
        """The model's features of every rollout, [R, F]; NaN where one is missing."""
        if len(self._features) == len(GROUP_FEATURES):
            return group_features(graph)
        found_RF = np.hstack([group_features(graph), signal_features(graph)])
        if found_RF.shape[1] != len(self._features):
            # The hidden states are another model's, which says nothing to this one.
            known = len(GROUP_FEATURES) + len(POLICY_SIGNALS)
            wanted = (len(found_RF), len(self._features) - known)
            found_RF = np.hstack([found_RF[:, :known], np.full(wanted, np.nan, np.float32)])
        return found_RF

    def state(self) -> ModelState:
        """Weights, intercept, and means for what is missing."""
        if self._fit is None:
            raise not_fitted(self.name)
        config = {"features": list(self._features), "intercept": self._fit.intercept}
        return self._fit.tensors(), config

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._features = tuple(config["features"])
        model._fit = LogisticFit.from_tensors(tensors, config["intercept"])
        return model
