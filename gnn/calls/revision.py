"""What is believed of each rollout once some verdicts are known."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from scipy.special import expit, logit

from gnn.calls.groups import Doubles, Groups
from schema.calls import Standing
from schema.memory_graph import Bools, Floats

#: Rollouts that a belief is worth against one verdict on the same conclusion: a verdict is nearly
#: all, and what one verdict says of a conclusion is not quite certain for its other rollouts.
BELIEF_WEIGHT: Final = 0.02
#: How closed the queries of a domain are; others are by .95, since some have several right answers.
CLOSED: Final[Mapping[str, float]] = {"code": 0.2}
#: A verdict from here on counts as right.
RIGHT: Final = 0.5
#: Probabilities are kept this far from 0 and 1 where opinions are pooled.
DOUBT: Final = 0.002


def beliefs(standing: Standing) -> Floats:
    """Probability that each rollout is right, given the verdicts on its query, [R].

    A verified rollout has its verdict, and one with its conclusion has it but for BELIEF_WEIGHT.
    What else a query's rollouts conclude is believed as before where `standing.informed`.
    Otherwise the verdicts revise it, as far as the query is closed (k in [0, 1]): a right
    conclusion leaves others the share 1 - k of their probability, and a wrong one of probability p
    gives its probability to all other possibilities alike, 1 / (1 - p) times theirs.
    """
    groups = Groups.of(standing)
    verdict_C = groups.verdict_C(standing.verdict_R)
    probability_R = standing.probability_R.astype(np.float64)
    if not standing.informed:
        factor_C = np.append(_revision(standing, groups, verdict_C), 1.0)
        probability_R = np.clip(probability_R * factor_C[groups.conclusion_R], 0, 1)
    shared_R = np.append(verdict_C, np.nan)[groups.conclusion_R]
    settled_R = (shared_R + BELIEF_WEIGHT * standing.probability_R) / (1 + BELIEF_WEIGHT)
    probability_R = np.where(np.isnan(shared_R), probability_R, settled_R)
    return np.where(standing.bought_R, standing.verdict_R, probability_R).astype(np.float32)


def counted(standing: Standing) -> Floats:
    """What is believed by counting alone, [R]: no probability is read.

    A rollout has the verdict on its conclusion. Without one it is worth the share of its query's
    rollouts that conclude the same; 0 where another conclusion was found right, or none was read.
    """
    groups = Groups.of(standing)
    verdict_C = groups.verdict_C(standing.verdict_R)
    total_Q = np.bincount(groups.query_C, weights=groups.size_C, minlength=groups.n_queries)
    right_Q = np.zeros(groups.n_queries, dtype=np.bool_)
    right_Q[groups.query_C[np.nan_to_num(verdict_C) >= RIGHT]] = True
    share_C = np.where(right_Q, 0, 1 / total_Q.clip(1))[groups.query_C] * groups.size_C
    said_C = np.append(np.where(np.isnan(verdict_C), share_C, verdict_C), 0.0)
    said_R = said_C[groups.conclusion_R] * (standing.conclusion_R >= 0)
    return np.where(standing.bought_R, standing.verdict_R, said_R).astype(np.float32)


def pooled(first_R: Floats, second_R: Floats, weight: float) -> Floats:
    """Two opinions as one, [R]: the mean of their log-odds, which the surer one decides.

    Args:
        first_R: probabilities.
        second_R: probabilities.
        weight: of the second, in [0, 1].
    """
    first, second = (
        logit(np.clip(said_R.astype(np.float64), DOUBT, 1 - DOUBT))
        for said_R in (first_R, second_R)
    )
    return expit((1 - weight) * first + weight * second).astype(np.float32)


def closed_by_domain(domain_Q: Sequence[str]) -> Floats:
    """How closed queries of these domains are, [Q]: any number of programs can be right."""
    return np.array([CLOSED.get(name, 0.95) for name in domain_Q], dtype=np.float32)


def closed_by_query(standing: Standing) -> Doubles:
    """How surely each query has one right conclusion at most, [Q]."""
    if standing.closed_Q is None:
        return np.ones(standing.n_queries)
    return standing.closed_Q.astype(np.float64)


def _revision(standing: Standing, groups: Groups, verdict_C: Doubles) -> Doubles:
    """By what the probability of a conclusion without a verdict is multiplied, [C]."""
    closed_Q = closed_by_query(standing)
    mean_C = groups.total_C(standing.probability_R) / groups.size_C
    known_C: Bools = ~np.isnan(verdict_C)
    sums = {
        "right": np.where(known_C, np.nan_to_num(verdict_C), 0),
        "refuted": np.where(known_C, mean_C * (1 - np.nan_to_num(verdict_C)), 0),
        "open": np.where(known_C, 0, mean_C),
    }
    right_Q, refuted_Q, open_Q = (
        np.bincount(groups.query_C, weights=value_C, minlength=groups.n_queries)
        for value_C in sums.values()
    )
    # All conclusions that are left cannot be more probable than one together.
    raised_Q = 1 / np.maximum(1 - np.minimum(refuted_Q, 1), 1e-9)
    raised_Q = np.clip(raised_Q, 1, np.maximum(1 / np.maximum(open_Q, 1e-9), 1))
    left_Q = 1 - np.clip(right_Q, 0, 1)
    factor_Q = 1 - closed_Q + closed_Q * raised_Q * left_Q
    return factor_Q[groups.query_C]
