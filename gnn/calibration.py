"""Probabilities that mean what they say: a map from logits fitted on held-out labels."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from schema.memory_graph import Floats

#: Share of the smooth part: it keeps the order where the isotonic part is flat.
SMOOTH: float = 0.15


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A rising map from logit to probability: interpolated isotonic steps, and Platt's curve.

    The isotonic part joins the middles of its steps by straight lines (centred isotonic
    regression, Oron and Flournoy 2017), so that two different logits hardly ever become equal;
    Platt's sigmoid (1999) enters with the weight SMOOTH.
    """

    slope: float = 1.0
    intercept: float = 0.0
    #: Middles of the steps, rising, and their probabilities; none: the sigmoid alone.
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, logit_R: Floats) -> Floats:
        """Calibrated probabilities of `logit_R`."""
        smooth_R = expit(self.slope * logit_R + self.intercept)
        if not self.logits:
            return smooth_R.astype(np.float32)
        steps_R = np.interp(logit_R, self.logits, self.probabilities)
        return (SMOOTH * smooth_R + (1 - SMOOTH) * steps_R).astype(np.float32)

    @classmethod
    def fit(cls, logit_R: Floats, reward_R: Floats) -> "Calibration":
        """Fit to held-out logits and their rewards in [0, 1].

        Nothing is changed where all rewards are the same or fall with the logit.
        """
        right = np.concatenate([np.ones(len(reward_R)), np.zeros(len(reward_R))])
        weight = np.concatenate([reward_R, 1 - reward_R])
        used = weight > 0
        if len(np.unique(right[used])) < 2:
            return cls()
        model = LogisticRegression(C=1e3, max_iter=1000)
        doubled = np.concatenate([logit_R, logit_R])[:, None]
        model.fit(doubled[used], right[used], sample_weight=weight[used])
        slope = float(np.ravel(model.coef_)[0])
        if slope <= 0:
            return cls()
        fitted_R = IsotonicRegression().fit_transform(logit_R, reward_R)
        steps, step_R = np.unique(fitted_R, return_inverse=True)
        middles = np.bincount(step_R, weights=logit_R) / np.bincount(step_R)
        return cls(
            slope=slope,
            intercept=float(np.ravel(model.intercept_)[0]),
            logits=tuple(middles.tolist()),
            probabilities=tuple(steps.tolist()),
        )
