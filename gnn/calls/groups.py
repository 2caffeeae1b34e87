"""Rollouts by what they conclude: those of one query with one conclusion have one verdict."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from schema.calls import Standing
from schema.memory_graph import Floats, Ints

#: Sums are kept in double precision.
Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Conclusions (_C) of a standing, query after query; an unread rollout is one of its own."""

    n_queries: int
    #: Conclusion of each rollout; -1 for one without a query.
    conclusion_R: Ints
    query_C: Ints
    size_C: Ints
    #: Conclusions of query q are rows `first_Q[q]` to `first_Q[q + 1]`.
    first_Q: Ints
    #: The rollout to verify; -1 where none can be.
    example_C: Ints

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """The conclusions of all rollouts that have a query."""
        rows = np.flatnonzero(standing.query_R >= 0)
        query_N, key_N = standing.query_R[rows], standing.conclusion_R[rows].astype(np.int64)
        unread_N = key_N < 0
        key_N[unread_N] = key_N.max(initial=0) + 1 + np.arange(unread_N.sum())
        order = np.lexsort((rows, key_N, query_N))
        query_O, key_O = query_N[order], key_N[order]
        new_O = np.ones(len(order), dtype=np.bool_)
        new_O[1:] = (query_O[1:] != query_O[:-1]) | (key_O[1:] != key_O[:-1])
        conclusion_R = np.full(len(standing.query_R), -1, dtype=np.int64)
        conclusion_R[rows[order]] = np.cumsum(new_O) - 1
        query_C = query_O[new_O]
        n_queries = standing.n_queries
        return cls(
            n_queries=n_queries,
            conclusion_R=conclusion_R,
            query_C=query_C,
            size_C=np.bincount(conclusion_R[rows], minlength=len(query_C)),
            first_Q=np.searchsorted(query_C, np.arange(n_queries + 1)),
            example_C=_examples(standing, conclusion_R, len(query_C)),
        )

    def total_C(self, value_R: Floats | Doubles) -> Doubles:
        """Sum over each conclusion's rollouts, [C]."""
        rows = np.flatnonzero(self.conclusion_R >= 0)
        return np.bincount(
            self.conclusion_R[rows], weights=value_R[rows], minlength=len(self.query_C)
        ).astype(np.float64)

    def verdict_C(self, verdict_R: Floats) -> Doubles:
        """Mean verdict of each conclusion, [C]; NaN where none was bought."""
        bought_R = ~np.isnan(verdict_R)
        count_C = self.total_C(bought_R.astype(np.float64))
        total_C = self.total_C(np.where(bought_R, verdict_R, 0.0))
        return np.where(count_C > 0, total_C / np.maximum(count_C, 1), np.nan)


def settled_by(standing: Standing) -> Doubles:
    """The verdict that each rollout has or shares, [R]; NaN where its conclusion has none."""
    groups = Groups.of(standing)
    verdict_C = np.append(groups.verdict_C(standing.verdict_R), np.nan)
    shared_R = verdict_C[groups.conclusion_R]
    return np.where(standing.bought_R, standing.verdict_R, shared_R)


def _examples(standing: Standing, conclusion_R: Ints, n_conclusions: int) -> Ints:
    """Of each conclusion the rollout to verify, [C]; -1 where none can be verified.

    It is the most typical one, whose probability is nearest to the conclusion's mean: what was
    read wrongly, or is right by another's words, says little of the others.
    """
    rows = np.flatnonzero(conclusion_R >= 0)
    at_N, probability_N = conclusion_R[rows], standing.probability_R[rows].astype(np.float64)
    count_C = np.bincount(at_N, minlength=n_conclusions)
    mean_C = np.bincount(at_N, weights=probability_N, minlength=n_conclusions) / count_C
    distance_N = np.round(np.abs(probability_N - mean_C[at_N]), 6)
    order = np.lexsort((rows, distance_N, at_N))
    if standing.verifiable_R is not None:
        order = order[standing.verifiable_R[rows[order]]]
    found_C, first_C = np.unique(at_N[order], return_index=True)
    example_C = np.full(n_conclusions, -1, dtype=np.int64)
    example_C[found_C] = rows[order[first_C]]
    return example_C
