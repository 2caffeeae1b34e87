"""Probabilities that mean what they say: maps from logits fitted on held-out labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from schema.memory_graph import Floats, Ints

#: Share of the smooth part: it keeps the order where the isotonic part is flat.
SMOOTH: Final = 0.5
#: Draws of the labelled queries whose isotonic regressions are averaged.
BAGS: Final = 20
#: Points by which the averaged regression is kept.
POINTS: Final = 100
#: Steps of a regression in float32 are at least this high.
ROUNDING: Final = 1e-5
#: Labelled queries of a kind that weigh as much as all kinds together.
SHRINKAGE: Final = 20


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A rising map from logit to probability: Platt's curve and an averaged isotonic regression.

    Each isotonic regression, on the queries of one bootstrap draw, joins the middles of its steps
    by straight lines (centred isotonic regression, Oron and Flournoy 2017); their mean over the
    draws (bagging, Breiman 1996) is less jagged than one of them, and two different logits hardly
    ever become equal. Platt's sigmoid (1999) enters with the weight SMOOTH.
    """

    slope: float = 1.0
    intercept: float = 0.0
    #: Rising logits and the isotonic part there; none: the sigmoid alone.
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
    def fit(cls, logit_R: Floats, reward_R: Floats, query_R: Ints) -> "Curve | None":
        """Fit to held-out logits and their rewards in [0, 1]; draws are made of whole queries.

        Returns:
            None where all rewards are the same or fall with the logit.
        """
        right = np.concatenate([np.ones(len(reward_R)), np.zeros(len(reward_R))])
        weight = np.concatenate([reward_R, 1 - reward_R])
        used = weight > 0
        if len(np.unique(right[used])) < 2:
            return None
        model = LogisticRegression(C=1e3, max_iter=1000)
        doubled = np.concatenate([logit_R, logit_R])[:, None]
        model.fit(doubled[used], right[used], sample_weight=weight[used])
        slope = float(np.ravel(model.coef_)[0])
        if slope <= 0:
            return None
        points = np.unique(np.quantile(logit_R, np.linspace(0, 1, POINTS)))
        return cls(
            slope=slope,
            intercept=float(np.ravel(model.intercept_)[0]),
            logits=tuple(points.tolist()),
            probabilities=tuple(_bagged(logit_R, reward_R, query_R, points).tolist()),
        )


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A curve for all rollouts, and one for each kind of question that was labelled.

    Logits mean less where answers are chosen from options than where they are worked out, so that
    one curve is too steep for some and too flat for others. A kind's curve counts n / (n +
    SHRINKAGE), with its n labelled queries; the curve of all counts the rest.
    """

    pooled: Curve = field(default_factory=Curve)
    #: Kind to its curve and the curve's weight.
    of_kind: Mapping[int, tuple[Curve, float]] = field(default_factory=dict[int, Any])

    def __call__(self, logit_R: Floats, kind_R: Ints) -> Floats:
        """Calibrated probabilities of `logit_R`, of rollouts of the kinds `kind_R`."""
        probability_R = self.pooled(logit_R)
        for kind, (curve, weight) in self.of_kind.items():
            in_R = kind_R == kind
            probability_R[in_R] += weight * (curve(logit_R[in_R]) - probability_R[in_R])
        return probability_R

    @classmethod
    def fit(cls, logit_R: Floats, reward_R: Floats, query_R: Ints, kind_R: Ints) -> Self:
        """Fit to held-out logits and their rewards in [0, 1].

        Nothing is changed where all rewards are the same or fall with the logit.
        """
        pooled = Curve.fit(logit_R, reward_R, query_R)
        if pooled is None:
            return cls()
        of_kind: dict[int, tuple[Curve, float]] = {}
        for kind in np.unique(kind_R).tolist():
            in_R = kind_R == kind
            curve = Curve.fit(logit_R[in_R], reward_R[in_R], query_R[in_R])
            if curve is not None:
                n_queries = len(np.unique(query_R[in_R]))
                of_kind[kind] = (curve, n_queries / (n_queries + SHRINKAGE))
        return cls(pooled=pooled, of_kind=of_kind)

    def to_json(self) -> dict[str, Any]:
        """Itself as JSON can hold it."""
        return {
            "pooled": asdict(self.pooled),
            "of_kind": {
                str(kind): {"curve": asdict(curve), "weight": weight}
                for kind, (curve, weight) in self.of_kind.items()
            },
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` described."""
        return cls(
            pooled=_curve(found["pooled"]),
            of_kind={
                int(kind): (_curve(part["curve"]), part["weight"])
                for kind, part in found["of_kind"].items()
            },
        )


def _curve(found: Mapping[str, Any]) -> Curve:
    return Curve(
        slope=found["slope"],
        intercept=found["intercept"],
        logits=tuple(found["logits"]),
        probabilities=tuple(found["probabilities"]),
    )


def _bagged(logit_R: Floats, reward_R: Floats, query_R: Ints, points_P: Floats) -> Floats:
    """Mean over bootstrap draws of queries of the isotonic regression, at `points_P`."""
    rng = np.random.default_rng(0)
    _, place_R = np.unique(query_R, return_inverse=True)
    n_queries = int(place_R.max()) + 1
    total_P = np.zeros(len(points_P))
    for _ in range(BAGS):
        times_Q = np.bincount(rng.integers(n_queries, size=n_queries), minlength=n_queries)
        drawn_R = np.flatnonzero(times_Q[place_R])
        weight_R = times_Q[place_R][drawn_R].astype(np.float64)
        # It takes logits that hardly differ for one: the last of them may lie outside what it saw.
        fitted_R = IsotonicRegression(out_of_bounds="clip").fit_transform(
            logit_R[drawn_R], reward_R[drawn_R], sample_weight=weight_R
        )
        middles_S, steps_S = _steps(logit_R[drawn_R], fitted_R, weight_R)
        total_P += np.interp(points_P, middles_S, steps_S)
    return (total_P / BAGS).astype(np.float32)


def _steps(
    logit_R: Floats, fitted_R: Floats, weight_R: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Middles, rising, and heights of the steps of an isotonic regression; rounding is no step."""
    order = np.argsort(logit_R, kind="stable")
    rises = np.diff(fitted_R[order], prepend=fitted_R[order[0]]) > ROUNDING
    step_R, weight_R = np.cumsum(rises), weight_R[order]
    weight_S = np.bincount(step_R, weights=weight_R)
    middles_S = np.bincount(step_R, weights=weight_R * logit_R[order]) / weight_S
    return middles_S, np.bincount(step_R, weights=weight_R * fitted_R[order]) / weight_S
