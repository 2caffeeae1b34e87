"""The linear model that the network corrects: one for each set of inputs that may be given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gnn.batch import Batch
from schema.graph import ANSWER
from schema.memory_graph import Floats

#: Inputs of each variant, the fullest last.
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": (ANSWER,),
    "signals": (ANSWER, "signals"),
    "all": (ANSWER, "signals", "hidden"),
}
#: Inverse strength of the penalty of each variant; more inputs, more penalty.
INVERSE_PENALTY: Final = {"text": 0.004, "signals": 0.004, "all": 0.002}


@dataclass(frozen=True, kw_only=True)
class LinearBase:
    """Logistic regressions; a rollout is scored by the fullest that its inputs allow."""

    weights: dict[str, Tensor]

    @classmethod
    def fit(cls, batch: Batch, reward_R: Floats, *, view: str) -> "LinearBase":
        """Fit `view` and every poorer variant, as far as the batch has their inputs."""
        weights: dict[str, Tensor] = {}
        given = {
            "text": np.ones(len(reward_R), bool),
            "signals": batch.has_signals_R.numpy() > 0,
            "all": (batch.has_signals_R * batch.has_hidden_R).numpy() > 0,
        }
        for name, parts in VARIANTS.items():
            if not set(parts) <= set(VARIANTS[view]):
                continue
            used_R = given[name]
            inputs = np.hstack([batch.x[part].numpy() for part in parts])[used_R]
            right = np.concatenate([np.ones(len(inputs)), np.zeros(len(inputs))])
            weight = np.concatenate([reward_R[used_R], 1 - reward_R[used_R]])
            kept = weight > 0
            if len(np.unique(right[kept])) < 2:
                continue
            model = LogisticRegression(C=INVERSE_PENALTY[name], max_iter=300, tol=1e-3)
            model.fit(np.vstack([inputs, inputs])[kept], right[kept], sample_weight=weight[kept])
            row = np.concatenate([model.coef_[0], model.intercept_])
            weights[name] = torch.from_numpy(row.astype(np.float32))
        return cls(weights=weights)

    def __call__(self, batch: Batch, given: tuple[Tensor, Tensor]) -> Tensor:
        """Logits of the batch's rollouts, [R], by the inputs that `given` allows."""
        allowed = {
            "text": torch.ones_like(given[0]),
            "signals": given[0],
            "all": given[0] * given[1],
        }
        logit_R = torch.zeros(len(batch.rollout_R))
        for name, row in self.weights.items():
            inputs = torch.cat([batch.x[part] for part in VARIANTS[name]], dim=1)
            logit_R = torch.where(allowed[name] > 0, inputs @ row[:-1] + row[-1], logit_R)
        return logit_R
