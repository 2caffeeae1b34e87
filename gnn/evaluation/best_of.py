"""Best of N: how often the answer that is chosen among N of a query's rollouts is right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gnn.base import RIGHT_FROM, mean_and_spread
from schema.memory_graph import Floats, Ints

#: How many rollouts there are to choose among.
SIZES: Final = (2, 4, 8)

#: Choices that need no model: the most frequent conclusion, any rollout, and a right one.
MAJORITY, RANDOM, ORACLE = "majority", "random", "oracle"

#: From this many subsets of a group on, as many are drawn with a fixed seed instead of all.
MOST_SUBSETS: Final = 256

#: Numbers that are held at a time.
_MOST_NUMBERS: Final = 2**23


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The rollouts of one trial that may be chosen, and what is known of each."""

    #: What each chooser gives a rollout, by name: it takes the highest, [R].
    score: Mapping[str, Floats]
    reward_R: Floats
    query_R: Ints
    #: -1: none, which never wins a vote.
    conclusion_R: Ints


@dataclass(frozen=True, kw_only=True)
class BestOf:
    """The probability that the chosen answer is right, for each query with N rollouts or more."""

    query_Q: Ints
    #: By chooser, [Q].
    right: Mapping[str, NDArray[np.float64]]

    def accuracy(self, chooser: str, in_Q: NDArray[np.bool_]) -> float | None:
        """Mean over some of the queries; None over none."""
        return float(self.right[chooser][in_Q].mean()) if in_Q.any() else None


def best_of(candidates: Candidates, size: int) -> BestOf:
    """Let each chooser, the vote, chance and an oracle choose among `size` rollouts of a query.

    The expectation is over all subsets of that size, or over MOST_SUBSETS drawn ones where there
    are more. Rollouts with equal scores are chosen with equal probability.

    Args:
        candidates: the rollouts; a query with fewer than `size` is left out.
        size: the N of "best of N".

    Returns:
        The queries in ascending order. A chooser called as one of MAJORITY, RANDOM and ORACLE is
        replaced by it.
    """
    found: list[tuple[Ints, dict[str, NDArray[np.float64]]]] = []
    for rows_GM in _groups(candidates.query_R, size):
        subsets_SN = _subsets(rows_GM.shape[1], size)
        step = max(1, _MOST_NUMBERS // (len(subsets_SN) * size * size))
        for first in range(0, len(rows_GM), step):
            rows_GSN = rows_GM[first : first + step][:, subsets_SN]
            query_G = candidates.query_R[rows_GM[first : first + step, 0]]
            found.append((query_G, _right(candidates, rows_GSN)))
    query_Q = np.concatenate([query for query, _ in found]) if found else np.zeros(0, np.int64)
    order_Q = np.argsort(query_Q)
    names = dict.fromkeys((*candidates.score, MAJORITY, RANDOM, ORACLE))
    right = {
        name: np.concatenate([np.zeros(0), *(part[name] for _, part in found)])[order_Q]
        for name in names
    }
    return BestOf(query_Q=query_Q[order_Q], right=right)


def summary(trials: Sequence[Candidates], domain_Q: NDArray[np.str_]) -> dict[str, Any]:
    """Accuracy and regret of each chooser at each of SIZES, as mean and spread over the trials.

    Regret is what the best possible choice is right more often. A size that no query reaches is
    left out.

    Args:
        trials: what may be chosen in each.
        domain_Q: domain of each query that `Candidates.query_R` counts.

    Returns:
        `{"8": {chooser: {...}}, ..., "by_domain": {domain: {"8": ...}}}`.
    """
    whole: dict[str, Any] = {}
    by_domain: dict[str, dict[str, Any]] = {}
    for size in SIZES:
        found = [best_of(candidates, size) for candidates in trials]
        if not any(len(one.query_Q) for one in found):
            continue
        whole[str(size)] = _rows(found, None, domain_Q)
        of_queries = [domain_Q[one.query_Q] for one in found]
        for domain in np.unique(np.concatenate(of_queries)).tolist():
            by_domain.setdefault(domain, {})[str(size)] = _rows(found, domain, domain_Q)
    return {**whole, "by_domain": by_domain}


def _rows(
    found: Sequence[BestOf], domain: str | None, domain_Q: NDArray[np.str_]
) -> dict[str, dict[str, float | int | None]]:
    """Figures of each chooser over the queries of a domain, or over all."""
    among = [
        np.ones(len(one.query_Q), np.bool_) if domain is None else domain_Q[one.query_Q] == domain
        for one in found
    ]
    pairs = list(zip(found, among, strict=True))
    best = [one.accuracy(ORACLE, in_Q) for one, in_Q in pairs]
    rows: dict[str, dict[str, float | int | None]] = {}
    for name in found[0].right:
        accuracy = [one.accuracy(name, in_Q) for one, in_Q in pairs]
        regret = [
            None if b is None or a is None else b - a for b, a in zip(best, accuracy, strict=True)
        ]
        mean, spread = mean_and_spread(accuracy)
        rows[name] = {
            "accuracy": mean,
            "accuracy_spread": spread,
            "regret": mean_and_spread(regret)[0],
            "n_queries": round(float(np.mean([in_Q.sum() for in_Q in among]))),
        }
    return rows


def _groups(query_R: Ints, size: int) -> Iterator[Ints]:
    """Rows of the rollouts of each query, [G, M]: the queries with equally many together."""
    order_R = np.argsort(query_R, kind="stable")
    _, first_Q, count_Q = np.unique(query_R[order_R], return_index=True, return_counts=True)
    for count in np.unique(count_Q[count_Q >= size]).tolist():
        yield order_R[first_Q[count_Q == count][:, None] + np.arange(count)]


def _subsets(count: int, size: int) -> Ints:
    """Places of `size` of `count` rollouts, a row a subset: all, or as many as are drawn."""
    if comb(count, size) <= MOST_SUBSETS:
        return np.array(list(combinations(range(count), size)), dtype=np.int64)
    random = np.random.default_rng((count, size))
    drawn = random.permuted(np.tile(np.arange(count), (MOST_SUBSETS, 1)), axis=1)
    return drawn[:, :size]


def _right(candidates: Candidates, rows_GSN: Ints) -> dict[str, NDArray[np.float64]]:
    """Probability that each chooser takes a right one, as mean over the subsets of a query: [G]."""
    right_GSN = (candidates.reward_R >= RIGHT_FROM)[rows_GSN]
    conclusion_GSN = candidates.conclusion_R[rows_GSN]
    votes_GSN = (conclusion_GSN[..., :, None] == conclusion_GSN[..., None, :]).sum(-1)
    scores: dict[str, NDArray[Any]] = {
        name: score_R[rows_GSN] for name, score_R in candidates.score.items()
    }
    scores[MAJORITY] = np.where(conclusion_GSN >= 0, votes_GSN, 0)
    scores[RANDOM] = np.zeros_like(right_GSN)
    scores[ORACLE] = right_GSN
    return {name: _of_highest(score_GSN, right_GSN) for name, score_GSN in scores.items()}


def _of_highest(score_GSN: NDArray[Any], right_GSN: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of right ones among those of highest score, as mean over the subsets: [G]."""
    highest_GSN = score_GSN == score_GSN.max(axis=-1, keepdims=True)
    share_GS = (highest_GSN & right_GSN).sum(axis=-1) / highest_GSN.sum(axis=-1)
    return share_GS.mean(axis=-1)
