"""Standardisation of inputs."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schema.memory_graph import Floats

#: Standardised inputs are cut off here, so that no odd rollout can shout.
LARGEST_INPUT: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Standardisation fitted on the labelled rollouts; a constant input is turned off."""

    mean_F: Floats
    factor_F: Floats

    @classmethod
    def fit(cls, values_LF: Floats) -> "Scaler":
        """Fit to the rows of `values_LF`."""
        if not len(values_LF):
            zero = np.zeros(values_LF.shape[1], np.float32)
            return cls(mean_F=zero, factor_F=zero)
        spread = values_LF.std(axis=0)
        factor = np.where(spread > 1e-5, 1 / np.maximum(spread, 1e-5), 0.0)
        return cls(
            mean_F=values_LF.mean(axis=0).astype(np.float32), factor_F=factor.astype(np.float32)
        )

    def __call__(self, values_RF: Floats, given_R: Floats | None = None) -> Floats:
        """Standardised values; 0 where `given_R` is 0."""
        scaled = ((values_RF - self.mean_F) * self.factor_F).clip(-LARGEST_INPUT, LARGEST_INPUT)
        return scaled if given_R is None else scaled * given_R[:, None]
