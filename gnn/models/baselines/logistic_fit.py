"""A logistic regression on standardised inputs, kept as one affine map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from schema.errors import TrainingError
from schema.memory_graph import Bools, Floats, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class LogisticFit:
    """Weights on the inputs as they come, and each input's mean for where it is missing."""

    mean_F: Floats
    weight_F: Floats
    intercept: float

    @classmethod
    def of(
        cls, graph: MemoryGraph, input_RF: Floats, labelled_R: Bools, *, inverse_penalty: float
    ) -> Self:
        """Fit to the rollouts `labelled_R` by maximum penalised likelihood.

        Raises:
            TrainingError: if their rewards are all 0 or all 1.
        """
        input_LF, right_L, weight_L = _weighted(input_RF[labelled_R], graph.verified_R[labelled_R])
        if len(np.unique(right_L)) < 2:
            raise TrainingError(
                f"all {int(labelled_R.sum())} labelled rollouts of memory {graph.memory!r} have "
                f"the reward {graph.verified_R[labelled_R][0]:g}: label some of the other kind"
            )
        impute: Any = SimpleImputer(keep_empty_features=True)
        scale: Any = StandardScaler()
        regress: Any = LogisticRegression(C=inverse_penalty, max_iter=1000)
        steps = make_pipeline(impute, scale, regress)
        steps.fit(input_LF, right_L, logisticregression__sample_weight=weight_L)
        weight_F = regress.coef_[0] / scale.scale_
        return cls(
            mean_F=impute.statistics_.astype(np.float32),
            weight_F=weight_F.astype(np.float32),
            intercept=float(regress.intercept_[0] - scale.mean_ @ weight_F),
        )

    def probability(self, graph: MemoryGraph, input_RF: Floats) -> Floats:
        """Probability that each rollout is right, [R]; NaN for one without a query."""
        input_RF = np.where(np.isnan(input_RF), self.mean_F, input_RF)
        probability_R = expit(input_RF @ self.weight_F + self.intercept)
        return np.where(graph.query_of_rollout_R >= 0, probability_R, np.nan).astype(np.float32)

    def tensors(self) -> dict[str, Tensor]:
        """All of it but the intercept."""
        return {"mean": torch.from_numpy(self.mean_F), "weight": torch.from_numpy(self.weight_F)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], intercept: float) -> Self:
        """What `tensors` gave, and the intercept."""
        mean, weight = tensors["mean"].numpy(), tensors["weight"].numpy()
        return cls(mean_F=mean, weight_F=weight, intercept=intercept)


def _weighted(input_LF: Floats, reward_L: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows with hard classes: a reward of .7 is .7 of a right and .3 of a wrong rollout."""
    twice_LF = np.vstack([input_LF, input_LF])
    right_L = np.repeat(np.array([1.0, 0.0], dtype=np.float32), len(reward_L))
    weight_L = np.concatenate([reward_L, 1 - reward_L])
    used_L = weight_L > 0
    return twice_LF[used_L], right_L[used_L], weight_L[used_L]
