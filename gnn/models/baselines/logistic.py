"""Logistic regression on the group features, with the policy's signals where there are any."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
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
from memstore.snapshot import Reach
from schema.errors import TrainingError
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

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
        self._mean_F: Floats = np.zeros(0, dtype=np.float32)
        self._weight_F: Floats | None = None
        self._intercept = 0.0

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
        input_LF, right_L, weight_L = _weighted(
            self._inputs(graph)[labelled_R], graph.verified_R[labelled_R]
        )
        if len(np.unique(right_L)) < 2:
            raise TrainingError(
                f"all {int(labelled_R.sum())} labelled rollouts of memory {graph.memory!r} have "
                f"the reward {graph.verified_R[labelled_R][0]:g}: label some of the other kind"
            )
        steps = make_pipeline(
            SimpleImputer(keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(C=INVERSE_PENALTY, max_iter=1000),
        )
        steps.fit(input_LF, right_L, logisticregression__sample_weight=weight_L)
        self._take(steps)
        return fit_report(graph, labelled_R, started)

    def _take(self, steps: Any) -> None:
        """Fold the steps of a fitted pipeline into one affine map."""
        impute, scale, regress = (step for _, step in steps.steps)
        weight_F = regress.coef_[0] / scale.scale_
        self._mean_F = impute.statistics_.astype(np.float32)
        self._weight_F = weight_F.astype(np.float32)
        self._intercept = float(regress.intercept_[0] - scale.mean_ @ weight_F)

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        if self._weight_F is None:
            raise not_fitted(self.name)
        input_RF = self._inputs(graph)
        input_RF = np.where(np.isnan(input_RF), self._mean_F, input_RF)
        probability_R = expit(input_RF @ self._weight_F + self._intercept)
        return np.where(graph.query_of_rollout_R >= 0, probability_R, np.nan).astype(np.float32)

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
        if self._weight_F is None:
            raise not_fitted(self.name)
        tensors = {"mean": self._mean_F, "weight": self._weight_F}
        config = {"features": list(self._features), "intercept": self._intercept}
        return {key: torch.from_numpy(value) for key, value in tensors.items()}, config

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._features = tuple(config["features"])
        model._mean_F = tensors["mean"].numpy()
        model._weight_F = tensors["weight"].numpy()
        model._intercept = config["intercept"]
        return model


def _weighted(input_LF: Floats, reward_L: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows with hard classes: a reward of .7 is .7 of a right and .3 of a wrong rollout."""
    twice_LF = np.vstack([input_LF, input_LF])
    right_L = np.repeat(np.array([1.0, 0.0], dtype=np.float32), len(reward_L))
    weight_L = np.concatenate([reward_L, 1 - reward_L])
    used_L = weight_L > 0
    return twice_LF[used_L], right_L[used_L], weight_L[used_L]
