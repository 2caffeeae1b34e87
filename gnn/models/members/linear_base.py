"""The linear model that the network corrects: one for each set of inputs that may be given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from gnn.data import HeteroData
from gnn.evidence import EVIDENCE_NAMES
from gnn.models.members.batch import thinking_of_answer
from gnn.models.members.example import Example
from schema.graph import ANSWER, THINKING
from schema.memory_graph import Floats

#: Inputs of each variant, the fullest last.
VARIANTS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "evidence"),
    "signals": ("text", "evidence", "signals"),
    "all": ("text", "evidence", "signals", "hidden"),
}
#: Where HeteroData has each input: node type and attribute.
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "text": (ANSWER, "x"),
    "evidence": (ANSWER, "evidence"),
    "signals": (THINKING, "signals"),
    "hidden": (THINKING, "hidden"),
}
#: Inverse strength of the penalty on the weights of each part; more inputs, more penalty.
INVERSE_PENALTY: Final[Mapping[str, float]] = {
    "text": 0.002,
    "evidence": 0.02,
    "signals": 0.004,
    "hidden": 0.002,
}
#: The same of what the prior says: so large, it is hardly penalised. Little is known, little is
#: learned, and the prior's word remains.
OF_THE_PRIOR: Final = 1.0
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
    #: Row of the examples' answers whose reward it is, -1 for preferences.
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
    def fit(cls, examples: Sequence[Example], *, view: str) -> "LinearBase":
        """Fit `view` and every poorer variant, as far as the examples have their inputs.

        Args:
            examples: the same queries to learn from, with different rewards in sight.
            view: a key of VARIANTS.
        """
        weights: dict[str, Tensor] = {}
        for name, parts in VARIANTS.items():
            if not set(parts) <= set(VARIANTS[view]):
                continue
            rows = variant_rows(examples, variant=name)
            if len(np.unique(rows.right_N)) == 2:
                inverse_F = inverse_penalties(examples[0].data, variant=name)
                weights[name] = torch.from_numpy(_fit(rows, inverse_F))
        return cls(weights=weights)

    def to(self, device: torch.device) -> "LinearBase":
        """The same on `device`."""
        return LinearBase(weights={name: row.to(device) for name, row in self.weights.items()})

    def __call__(self, data: HeteroData, given: tuple[Tensor, Tensor]) -> Tensor:
        """Logits of the answers, [R], by the inputs that `given` allows."""
        thinking_R = thinking_of_answer(data)
        signals_R, both_R = given[0][thinking_R], (given[0] * given[1])[thinking_R]
        allowed = {"text": torch.ones_like(signals_R), "signals": signals_R, "all": both_R}
        logit_R = torch.zeros_like(signals_R)
        for name, row in self.weights.items():
            logit_R = torch.where(allowed[name] > 0, _logits(data, name, row, thinking_R), logit_R)
        return logit_R


def inverse_penalties(data: HeteroData, *, variant: str) -> Floats:
    """Inverse strength of the penalty on the weight of each of a variant's inputs, [F]."""
    inverse_by_part = {
        part: np.full(_table(data, part).size(1), INVERSE_PENALTY[part], dtype=np.float32)
        for part in VARIANTS[variant]
    }
    inverse_by_part["evidence"][EVIDENCE_NAMES.index("prior")] = OF_THE_PRIOR
    return np.concatenate(list(inverse_by_part.values()))


def inputs_of(data: HeteroData, *, variant: str) -> Tensor:
    """Inputs of a variant for each answer, [R, F]; a thinking's are those of its answer."""
    thinking_R = thinking_of_answer(data)
    tables = [
        _table(data, part) if PLACES[part][0] == ANSWER else _table(data, part)[thinking_R]
        for part in VARIANTS[variant]
    ]
    return torch.cat(tables, dim=1)


def _logits(data: HeteroData, variant: str, row: Tensor, thinking_R: Tensor) -> Tensor:
    """`inputs_of` times the weights, [R], without a copy of the inputs."""
    logit_R, start = row[-1], 0
    for part in VARIANTS[variant]:
        table = _table(data, part)
        found = table @ row[start : start + table.size(1)]
        logit_R = logit_R + (found if PLACES[part][0] == ANSWER else found[thinking_R])
        start += table.size(1)
    return logit_R


def _table(data: HeteroData, part: str) -> Tensor:
    node, attribute = PLACES[part]
    return data[node][attribute]


def variant_rows(examples: Sequence[Example], *, variant: str) -> Rows:
    """What a variant is fitted to; rollouts that lack its inputs are left out.

    What is known counts once, however many examples there are.
    """
    found = [_rows(example, variant) for example in examples]
    rows = Rows(
        **{name: np.concatenate([getattr(part, name) for part in found]) for name in vars(found[0])}
    )
    return replace(rows, weight_N=rows.weight_N / len(examples))


def _rows(example: Example, variant: str) -> Rows:
    data, preferred = example.data, example.preferred
    thinkings, input_RF = data[THINKING], inputs_of(data, variant=variant).numpy()
    given_T = {
        "text": torch.ones_like(thinkings.has_signals),
        "signals": thinkings.has_signals,
        "all": thinkings.has_signals * thinkings.has_hidden,
    }[variant]
    given_R = (given_T[thinking_of_answer(data)] > 0).numpy()
    rollout_L, reward_L = example.labelled.numpy(), example.reward_L.numpy()
    better_P, worse_P = preferred.rows.numpy()
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


def _fit(rows: Rows, inverse_F: Floats) -> Floats:
    """Weights and intercept, [F + 1]."""
    # An input that is multiplied by s has its weight penalised 1 / s^2 as much.
    scale_F = np.sqrt(inverse_F)
    model = LogisticRegression(C=1.0, max_iter=300, tol=1e-3)
    input_NF = rows.input_NF * scale_F
    if rows.constant_N.all():
        model.fit(input_NF, rows.right_N, sample_weight=rows.weight_N)
        return np.concatenate([model.coef_[0] * scale_F, model.intercept_]).astype(np.float32)
    model.set_params(fit_intercept=False)
    # So large a constant that its weight is hardly penalised.
    constant = CONSTANT * float(scale_F.mean())
    model.fit(
        np.column_stack([input_NF, constant * rows.constant_N]),
        rows.right_N,
        sample_weight=rows.weight_N,
    )
    return (model.coef_[0] * np.append(scale_F, constant)).astype(np.float32)
