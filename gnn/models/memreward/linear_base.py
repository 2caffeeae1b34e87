"""The linear model that the network corrects: one for each set of inputs that may be given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gnn.models.memreward.batch import Batch
from gnn.models.memreward.preferences import Preferred
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
#: Value of the constant input where the intercept is a weight: so large, it is hardly penalised.
CONSTANT: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a variant is fitted to: inputs, whether right, and how much each row counts.

    A reward r is r of a right and 1 - r of a wrong row. A preference is the difference of its two
    rollouts' inputs, once right and once, turned round, wrong; the intercept cancels out of it.
    """

    input_NF: Floats
    right_N: Floats
    weight_N: Floats
    #: 1 for rewards, 0 for preferences.
    constant_N: Floats
    #: Row of the batch whose reward it is, -1 for preferences.
    rollout_N: np.ndarray


@dataclass(frozen=True, kw_only=True)
class LinearBase:
    """Logistic regressions; a rollout is scored by the fullest that its inputs allow."""

    #: By variant, in the order of VARIANTS: the fullest last.
    weights: dict[str, Tensor]

    def __post_init__(self) -> None:
        """Put the variants in order: those of a checkpoint come in any."""
        ordered = {name: self.weights[name] for name in VARIANTS if name in self.weights}
        object.__setattr__(self, "weights", ordered)

    @classmethod
    def fit(
        cls, batch: Batch, labelled: Tensor, reward_L: Floats, preferred: Preferred, *, view: str
    ) -> "LinearBase":
        """Fit `view` and every poorer variant, as far as the batch has their inputs.

        Args:
            batch: rollouts of queries to learn from.
            labelled: rows of the batch with a reward, [L].
            reward_L: their rewards in [0, 1].
            preferred: preferences among the batch's rows.
            view: a key of VARIANTS.
        """
        weights: dict[str, Tensor] = {}
        for name, parts in VARIANTS.items():
            if not set(parts) <= set(VARIANTS[view]):
                continue
            rows = variant_rows(batch, labelled, reward_L, preferred, variant=name)
            if len(np.unique(rows.right_N)) == 2:
                weights[name] = torch.from_numpy(_fit(rows, INVERSE_PENALTY[name]))
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


def variant_rows(
    batch: Batch, labelled: Tensor, reward_L: Floats, preferred: Preferred, *, variant: str
) -> Rows:
    """What a variant is fitted to; rollouts that lack its inputs are left out."""
    given_R = {
        "text": np.ones(len(batch.rollout_R), bool),
        "signals": batch.has_signals_R.numpy() > 0,
        "all": (batch.has_signals_R * batch.has_hidden_R).numpy() > 0,
    }[variant]
    input_RF = np.hstack([batch.x[part].numpy() for part in VARIANTS[variant]])
    rollout_L, (better_P, worse_P) = labelled.numpy(), preferred.rows.numpy()
    given_L, given_P = given_R[rollout_L], given_R[better_P] & given_R[worse_P]
    rollout_L, reward_L = rollout_L[given_L], reward_L[given_L]
    gap_PF = (input_RF[better_P] - input_RF[worse_P])[given_P]
    half_P = preferred.weight_P.numpy()[given_P] / 2
    n_rewards, n_preferences = len(rollout_L), len(half_P)
    counts = (n_rewards, n_rewards, n_preferences, n_preferences)
    weight_N = np.concatenate([reward_L, 1 - reward_L, half_P, half_P])
    used_N = weight_N > 0
    return Rows(
        input_NF=np.vstack([input_RF[rollout_L], input_RF[rollout_L], gap_PF, -gap_PF])[used_N],
        right_N=np.repeat([1.0, 0.0, 1.0, 0.0], counts)[used_N],
        weight_N=weight_N[used_N].astype(np.float32),
        constant_N=np.repeat([1.0, 1.0, 0.0, 0.0], counts)[used_N],
        rollout_N=np.concatenate([rollout_L, rollout_L, np.full(2 * n_preferences, -1)])[used_N],
    )


def _fit(rows: Rows, inverse_penalty: float) -> Floats:
    """Weights and intercept, [F + 1]."""
    model = LogisticRegression(C=inverse_penalty, max_iter=300, tol=1e-3)
    if rows.constant_N.all():
        model.fit(rows.input_NF, rows.right_N, sample_weight=rows.weight_N)
        return np.concatenate([model.coef_[0], model.intercept_]).astype(np.float32)
    model.set_params(fit_intercept=False)
    inputs = np.column_stack([rows.input_NF, CONSTANT * rows.constant_N])
    model.fit(inputs, rows.right_N, sample_weight=rows.weight_N)
    return (model.coef_[0] * np.array([1.0] * (inputs.shape[1] - 1) + [CONSTANT])).astype(
        np.float32
    )
