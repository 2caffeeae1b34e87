"""How good predicted rewards are, over a set of rollouts: discrimination, ranking, calibration."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from schema.memory_graph import Bools, Floats, Ints

#: Equal-width bins of the expected calibration error.
ECE_BINS: Final = 15

#: A reward from here on counts as right, where a measure knows only right and wrong.
RIGHT_FROM: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Measures of one set of rollouts; None means "not applicable" (n/a)."""

    auc: float | None
    within_query: float | None
    accuracy: float | None
    brier_skill: float | None
    ece: float | None
    n_queries: int
    n_rollouts: int

    def measures(self) -> dict[str, float | None]:
        """The measures of MEASURES by name, without the counts."""
        return {name: getattr(self, name) for name in MEASURES}


#: The fields of Metrics that are measures, in the order they are shown.
MEASURES: Final[tuple[str, ...]] = ("auc", "within_query", "accuracy", "brier_skill", "ece")


def measure(probability_R: Floats, reward_R: Floats, query_R: Ints) -> Metrics:
    """All measures of one set.

    Args:
        probability_R: predicted probability that a rollout is right, in [0, 1].
        reward_R: its verified reward, in [0, 1].
        query_R: its query.
    """
    some = len(reward_R) > 0
    return Metrics(
        auc=auc(probability_R, reward_R),
        within_query=within_query(probability_R, reward_R, query_R),
        accuracy=accuracy(probability_R, reward_R) if some else None,
        brier_skill=brier_skill(probability_R, reward_R),
        ece=expected_calibration_error(probability_R, reward_R) if some else None,
        n_queries=len(np.unique(query_R)),
        n_rollouts=len(reward_R),
    )


def auc(probability_R: Floats, reward_R: Floats) -> float | None:
    """Area under the ROC curve over all rollouts; None if all are right or all are wrong."""
    right_R = reward_R >= RIGHT_FROM
    if not right_R.any() or right_R.all():
        return None
    return float(roc_auc_score(right_R, probability_R))


def within_query(probability_R: Floats, reward_R: Floats, query_R: Ints) -> float | None:
    """Share of pairs of one query with different rewards that are ranked right.

    Pairs of all queries are pooled; a tie in the prediction counts one half. This is what a
    group-relative advantage is made of. None if no query has rollouts of different reward.
    """
    order_R = np.argsort(query_R, kind="stable")
    query, reward = query_R[order_R], reward_R[order_R]
    probability = probability_R[order_R]
    won, pairs = 0.0, 0
    first = np.arange(len(query) - 1)
    distance = 1
    while len(first := first[first + distance < len(query)]):
        first = first[query[first] == query[first + distance]]
        difference = np.sign(reward[first] - reward[first + distance])
        agreement = difference * np.sign(probability[first] - probability[first + distance])
        counted = difference != 0
        pairs += int(counted.sum())
        won += float((agreement[counted] + 1).sum()) / 2
        distance += 1
    return won / pairs if pairs else None


def accuracy(probability_R: Floats, reward_R: Floats) -> float:
    """Share of rollouts on the right side of one half."""
    return float(np.mean((probability_R >= 0.5) == (reward_R >= RIGHT_FROM)))


def brier_skill(probability_R: Floats, reward_R: Floats) -> float | None:
    """1 - Brier score / Brier score of the constant base rate *of the evaluated set itself*.

    0 is the score of predicting this set's mean reward for every rollout, so that a model
    with the wrong base rate is below 0. None where all rewards are equal.
    """
    if not len(reward_R) or np.ptp(reward_R) == 0:
        return None
    reward, probability = reward_R.astype(np.float64), probability_R.astype(np.float64)
    reference = np.mean((reward.mean() - reward) ** 2)
    return float(1 - np.mean((probability - reward) ** 2) / reference)


def calibration_bins(
    probability_R: Floats, reward_R: Floats, bins: int = ECE_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64], Ints]:
    """Mean prediction, mean reward and number of rollouts of each occupied equal-width bin."""
    bin_R = np.minimum((probability_R * bins).astype(np.int64), bins - 1)
    count = np.bincount(bin_R, minlength=bins)
    used = count > 0
    predicted = np.bincount(bin_R, weights=probability_R, minlength=bins)[used] / count[used]
    observed = np.bincount(bin_R, weights=reward_R, minlength=bins)[used] / count[used]
    return predicted, observed, count[used]


def expected_calibration_error(
    probability_R: Floats, reward_R: Floats, bins: int = ECE_BINS
) -> float:
    """Mean distance of prediction and reward over `bins` equal-width bins, weighted by rollouts.

    Source: Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (2015).
    """
    predicted, observed, count = calibration_bins(probability_R, reward_R, bins)
    return float(np.average(np.abs(predicted - observed), weights=count))


def measure_groups(
    probability_R: Floats,
    reward_R: Floats,
    query_R: Ints,
    group_R: NDArray[np.str_],
    among_R: Bools,
) -> dict[str, Metrics]:
    """`measure` for each group (a domain, a dataset) that occurs among the rollouts `among_R`."""
    result: dict[str, Metrics] = {}
    for name in np.unique(group_R[among_R]).tolist():
        in_R = among_R & (group_R == name)
        result[name] = measure(probability_R[in_R], reward_R[in_R], query_R[in_R])
    return result
