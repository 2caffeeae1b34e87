"""Strategies by name: which rollouts to verify next, of those that a standing shows.

`largest`: the largest conclusion of a query, then its next where that one was wrong.
`uncertainty`: rollouts whose probability is nearest to one half.
`random`: any rollouts.
`queries`: any queries, all their rollouts, as labels are bought by the query.
`care`: the rule of CARE (Wang et al. 2026, arXiv 2605.25864), see `gnn.calls.care`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gnn.calls.care import care_order
from gnn.calls.choice import choose_calls
from gnn.calls.groups import Groups, settled_by
from gnn.calls.revision import RIGHT, beliefs
from schema.calls import Standing
from schema.memory_graph import Bools, Ints

#: Given a standing, a number of calls and a generator of chance: rows of rollouts to verify. What
#: it may see is the standing alone; asked again after the verdicts, it sees these.
Strategy = Callable[[Standing, int, np.random.Generator], Sequence[int]]


def memreward(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """The calls with the largest expected gain."""
    return [call.rollout for call in choose_calls(standing, budget)]


def largest(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """The largest conclusion of a query, then its next where that one was wrong."""
    groups = Groups.of(standing)
    open_C, right_Q = _open(standing, groups)
    rows = np.flatnonzero(open_C & ~right_Q[groups.query_C] & _read(standing, groups))
    chance_C = rng.random(len(groups.query_C))
    rows = rows[np.lexsort((chance_C[rows], -groups.size_C[rows]))]
    first = np.sort(np.unique(groups.query_C[rows], return_index=True)[1])
    return groups.example_C[rows[first[:budget]]].tolist()


def uncertainty(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """One rollout of each conclusion without a verdict, the least certain ones."""
    groups, believed_R = Groups.of(standing), beliefs(standing)
    rows = np.flatnonzero(_open(standing, groups)[0])
    example = groups.example_C[rows]
    distance = np.abs(believed_R[example] - 0.5)
    return example[np.lexsort((rng.random(len(rows)), distance))[:budget]].tolist()


def random_rollouts(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """Any rollouts that have no verdict and share none; each may settle others that follow."""
    open_R = np.isnan(settled_by(standing)) & _verifiable(standing)
    return rng.permutation(np.flatnonzero(open_R))[:budget].tolist()


def queries(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """All rollouts of any queries; those that were begun come first."""
    open_R = _verifiable(standing) & ~standing.bought_R
    begun_Q = np.zeros(standing.n_queries, dtype=np.bool_)
    begun_Q[standing.query_R[standing.bought_R]] = True
    rows, chance_Q = np.flatnonzero(open_R), rng.random(standing.n_queries)
    at = standing.query_R[rows]
    return rows[np.lexsort((rows, chance_Q[at], ~begun_Q[at]))][:budget].tolist()


def care(standing: Standing, budget: int, rng: np.random.Generator) -> Sequence[int]:
    """The queries that CARE names, each conclusion after conclusion until a right one is found."""
    groups = Groups.of(standing)
    open_C, right_Q = _open(standing, groups)
    place_Q = np.empty(groups.n_queries)
    place_Q[care_order(standing, groups)] = np.arange(groups.n_queries)
    begun_Q = np.zeros(groups.n_queries, dtype=np.bool_)
    begun_Q[standing.query_R[standing.bought_R]] = True
    rows = np.flatnonzero(open_C & ~right_Q[groups.query_C])
    at = groups.query_C[rows]
    rows = rows[np.lexsort((-groups.size_C[rows], place_Q[at], ~begun_Q[at]))]
    first = np.sort(np.unique(groups.query_C[rows], return_index=True)[1])
    return groups.example_C[rows[first[:budget]]].tolist()


#: The one of this project first.
STRATEGIES: Final[Mapping[str, Strategy]] = {
    "memreward": memreward,
    "largest": largest,
    "uncertainty": uncertainty,
    "random": random_rollouts,
    "queries": queries,
    "care": care,
}


def _open(standing: Standing, groups: Groups) -> tuple[Bools, Bools]:
    """Conclusions that can be verified and have no verdict, [C]; queries with a right one, [Q]."""
    verdict_C = groups.verdict_C(standing.verdict_R)
    right_Q = np.zeros(groups.n_queries, dtype=np.bool_)
    right_Q[groups.query_C[np.nan_to_num(verdict_C) >= RIGHT]] = True
    return np.isnan(verdict_C) & (groups.example_C >= 0), right_Q


def _read(standing: Standing, groups: Groups) -> NDArray[Any]:
    """Conclusions that were read in their rollouts' answers, [C]."""
    example_C: Ints = np.maximum(groups.example_C, 0)
    return (standing.conclusion_R[example_C] >= 0) & (groups.example_C >= 0)


def _verifiable(standing: Standing) -> Bools:
    has_query_R: Bools = standing.query_R >= 0
    return has_query_R if standing.verifiable_R is None else has_query_R & standing.verifiable_R
