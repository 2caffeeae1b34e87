"""Probabilities that mean what they say: a map from logits fitted on held-out labels."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from schema.memory_graph import Floats


@dataclass(frozen=True, kw_only=True)
class Platt:
    """probability = sigmoid(slope * logit + intercept).

    Source: Platt, Probabilistic Outputs for Support Vector Machines (1999).
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, logit_R: Floats) -> Floats:
        """Calibrated probabilities of `logit_R`."""
        return (1 / (1 + np.exp(-(self.slope * logit_R + self.intercept)))).astype(np.float32)

    @classmethod
    def fit(cls, logit_R: Floats, reward_R: Floats) -> "Platt":
        """Fit to held-out logits and their rewards in [0, 1]; the identity if all are equal."""
        right = np.concatenate([np.ones(len(reward_R)), np.zeros(len(reward_R))])
        weight = np.concatenate([reward_R, 1 - reward_R])
        used = weight > 0
        if len(np.unique(right[used])) < 2:
            return cls()
        model = LogisticRegression(C=1e3, max_iter=1000)
        logits = np.concatenate([logit_R, logit_R])[:, None]
        model.fit(logits[used], right[used], sample_weight=weight[used])
        slope, intercept = float(model.coef_.item()), float(np.ravel(model.intercept_)[0])
        return cls(slope=slope, intercept=intercept) if slope > 0 else cls()
