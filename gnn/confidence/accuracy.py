"""Accuracy with a confidence interval, from few verified rewards and a model's predictions.

Prediction-powered inference (Angelopoulos et al., Science 2023, arXiv 2301.09633) with the power
tuning of PPI++ (arXiv 2311.01453): the mean of the verified rewards is corrected by how much higher
a model scores the other rollouts, and the correction is weighed so that the variance is least. A
poor model makes the interval no wrong one, only no narrower.

The library `ppi-python` is not used: rollouts of one query are not independent and are verified
together, and it has no clusters. It also needs numba, statsmodels and gdown for these few lines.
Standard errors by query as in Miller, "Adding Error Bars to Evals" (arXiv 2411.00640).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from schema.memory_graph import Bools, Floats, Ints
from schema.reward import VerifiedSums

#: With fewer labelled queries there is no interval: their spread is not known well enough.
MIN_QUERIES: Final = 10
LEVEL: Final = 0.95


class Method(StrEnum):
    """What an accuracy is estimated from."""

    #: The verified rewards, and the predictions of all rollouts.
    PREDICTION_POWERED = "prediction-powered"
    #: The verified rewards alone.
    CLASSICAL = "classical"


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Mean reward of a policy's rollouts; the bounds are None with too few labelled queries."""

    accuracy: float | None
    low: float | None
    high: float | None
    method: Method
    n_verified_queries: int


@dataclass(frozen=True, kw_only=True)
class _Estimate:
    mean: float
    error: float
    #: Degrees of freedom.
    freedom: int

    @classmethod
    def of(cls, mean: float, influence_Q: NDArray[np.float64], queries: int, fitted: int) -> Self:
        """From each query's influence on the mean, when `fitted` numbers were estimated."""
        freedom = queries - fitted
        error = np.sqrt(queries / freedom * (influence_Q @ influence_Q))
        return cls(mean=mean, error=float(error), freedom=freedom)

    def bounds(self) -> tuple[float, float]:
        """Wilson's interval with the sample size that a binomial of this error would have."""
        from scipy.special import stdtrit  # Only where there is an interval.

        t = float(stdtrit(self.freedom, (1 + LEVEL) / 2))
        ratio = (t * self.error) ** 2 / (self.mean * (1 - self.mean))  # t^2 / sample size
        centre = (self.mean + ratio / 2) / (1 + ratio)
        half = np.sqrt((t * self.error) ** 2 + ratio**2 / 4) / (1 + ratio)
        return centre - float(half), centre + float(half)


def estimate_accuracy(reward_R: Floats, predicted_R: Floats | None, query_R: Ints) -> Accuracy:
    """Mean reward of the rollouts, with a 95 % interval for queries like these.

    The interval assumes that the labelled queries are a random choice of the queries, and that no
    prediction learned from the labels of its own query.

    Args:
        reward_R: verified rewards in [0, 1]; NaN where nothing is verified.
        predicted_R: predicted rewards, of labelled and unlabelled rollouts by one rule; rollouts
            of NaN are left out. None: there are none.
        query_R: numbers of the rollouts' queries; rollouts of one query are dependent.
    """
    if predicted_R is not None:
        known_R = ~np.isnan(predicted_R)
        reward_R, predicted_R, query_R = reward_R[known_R], predicted_R[known_R], query_R[known_R]
    labelled_R = ~np.isnan(reward_R)
    n = len(np.unique(query_R[labelled_R]))
    mean = float(reward_R[labelled_R].mean(dtype=np.float64)) if n else None
    low = high = None
    method = Method.CLASSICAL
    if mean is None or n < MIN_QUERIES:
        return Accuracy(accuracy=mean, low=low, high=high, method=method, n_verified_queries=n)
    _, group_R = np.unique(query_R, return_inverse=True)
    influence_Q = _influence(reward_R, labelled_R, group_R)
    low, high = _bounds_of_labels(mean, influence_Q, n)
    if predicted_R is not None and not labelled_R.all():
        powered = _powered(mean, influence_Q, n, predicted_R, labelled_R, group_R)
        if powered.error > 0 and 0 < powered.mean < 1:
            bounds = powered.bounds()
            if bounds[1] - bounds[0] < high - low:
                mean, (low, high), method = powered.mean, bounds, Method.PREDICTION_POWERED
    return Accuracy(accuracy=mean, low=low, high=high, method=method, n_verified_queries=n)


def accuracy_of_sums(sums: VerifiedSums) -> Accuracy:
    """The classical estimate of `estimate_accuracy`, from sums that a database can make."""
    if not sums.queries:
        return Accuracy(
            accuracy=None, low=None, high=None, method=Method.CLASSICAL, n_verified_queries=0
        )
    mean, low, high = sums.s / sums.n, None, None
    if sums.queries >= MIN_QUERIES:
        # The influence of a query is (s - mean * n) / all rollouts.
        squared = max(sums.s_s - 2 * mean * sums.s_n + mean * mean * sums.n_n, 0.0)
        length = np.array([np.sqrt(squared) / sums.n])
        low, high = _bounds_of_labels(mean, length, sums.queries)
    return Accuracy(
        accuracy=mean,
        low=low,
        high=high,
        method=Method.CLASSICAL,
        n_verified_queries=sums.queries,
    )


def _powered(
    mean: float,
    influence_Q: NDArray[np.float64],
    n: int,
    predicted_R: Floats,
    labelled_R: Bools,
    group_R: Ints,
) -> _Estimate:
    """The mean plus `weight` times (mean prediction of unlabelled - of labelled rollouts).

    The variance is the sum over queries of the squared influence, so a query of which some
    rollouts are labelled and some are not counts once. `weight` is where that sum is least.
    """
    other_R = ~labelled_R
    difference_Q = _influence(predicted_R, labelled_R, group_R)
    difference_Q = difference_Q - _influence(predicted_R, other_R, group_R)
    scale = difference_Q @ difference_Q
    weight = float(np.clip(influence_Q @ difference_Q / scale, 0, 1)) if scale > 0 else 0.0
    shift = predicted_R[other_R].mean(dtype=np.float64)
    shift = shift - predicted_R[labelled_R].mean(dtype=np.float64)
    return _Estimate.of(
        mean + weight * float(shift), influence_Q - weight * difference_Q, n, fitted=2
    )


def _influence(value_R: Floats, among_R: Bools, group_R: Ints) -> NDArray[np.float64]:
    """What each query adds to the error of the mean of `value_R[among_R]`, [Q]."""
    value = value_R[among_R].astype(np.float64)
    weights = (value - value.mean()) / len(value)
    sums = np.bincount(group_R[among_R], weights, minlength=int(group_R.max()) + 1)
    return sums.astype(np.float64)


def _bounds_of_labels(mean: float, influence_Q: NDArray[np.float64], n: int) -> tuple[float, float]:
    """The classical interval; where all labels are 1 or all are 0, Clopper and Pearson's."""
    estimate = _Estimate.of(mean, influence_Q, n, fitted=1)
    if 0 < mean < 1:
        return estimate.bounds()
    span = 1 - ((1 - LEVEL) / 2) ** (1 / n)
    return (1 - span, 1.0) if mean == 1 else (0.0, span)
