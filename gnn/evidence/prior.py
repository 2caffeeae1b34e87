"""What other memories teach of a rollout: a small network from its evidence to a log-odds.

It was learned from the verified rollouts of other memories, with none, few or many rewards in
sight, so that it has something to say before a memory has a label, and more with each. It knows
neither texts nor policies, only the numbers of `gnn.evidence`.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gnn.base import Scaler
from schema.memory_graph import Floats

#: Log-odds are cut off here: it is never certain.
LARGEST: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Prior:
    """N networks of one hidden layer (SiLU) of width H over F standardised numbers; their mean."""

    mean_F: Floats
    factor_F: Floats
    first_NFH: Floats
    bias_NH: Floats
    last_NH: Floats
    intercept_N: Floats

    @classmethod
    def none(cls, n_numbers: int) -> Self:
        """A prior that knows nothing: log-odds 0."""
        zero_F, none_NH = np.zeros(n_numbers, np.float32), np.zeros((0, 0), np.float32)
        return cls(
            mean_F=zero_F,
            factor_F=zero_F,
            first_NFH=none_NH.reshape(0, n_numbers, 0),
            bias_NH=none_NH,
            last_NH=none_NH,
            intercept_N=np.zeros(0, np.float32),
        )

    def __call__(self, number_RF: NDArray[np.floating]) -> Floats:
        """Log-odds that each rollout is right, [R], from its numbers as they are, [R, F]."""
        if not len(self.intercept_N):
            return np.zeros(len(number_RF), dtype=np.float32)
        x_RF = Scaler(mean_F=self.mean_F, factor_F=self.factor_F)(number_RF).astype(np.float32)
        total_R = np.zeros(len(x_RF), dtype=np.float32)
        for first_FH, bias_H, last_H, intercept in zip(
            self.first_NFH, self.bias_NH, self.last_NH, self.intercept_N, strict=True
        ):
            hidden_RH = x_RF @ first_FH + bias_H
            total_R += (hidden_RH * expit(hidden_RH)) @ last_H + intercept
        return (total_R / len(self.intercept_N)).clip(-LARGEST, LARGEST).astype(np.float32)

    def arrays(self) -> dict[str, Floats]:
        """Its arrays by name; `Prior(**arrays)` is the same prior."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
