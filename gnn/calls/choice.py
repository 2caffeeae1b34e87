"""Which calls of the verifier are worth most: greedy by an expected gain that is written down.

Of a query with conclusions c, each of n rollouts that are right with probability m, a verdict v on
c is expected to lower the sum of squared errors of all its rollouts' rewards by

    sum over c' of n' cov(c', c)^2 / var(c),   var(c) = m (1 - m),   cov(c', c) = -k m' m,

for rollouts of one conclusion have one verdict, and as far as the query is closed (k in [0, 1]) one
conclusion at most is right. Of that, what lowers the error of the query's mean alone counts by
MEAN_WEIGHT only: a group that is all right or all wrong has no spread to learn from. Calls on one
query that are chosen together follow one another on the way where each finds its conclusion wrong,
and count by the probability of that way: after a right answer a closed question is settled.

A verdict also teaches about queries of the same kind. Their uncertainty U (the sum of m (1 - m)
over unsettled rollouts) is taken to fall by the share LEARNED / (1 + queries with a verdict), so
that one more verdict is worth LEARNED U / ((1 + n) (2 + n)).
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from gnn.calls.groups import Doubles, Groups
from gnn.calls.revision import beliefs, closed_by_query
from schema.calls import Call, Standing
from schema.memory_graph import Ints

#: What the error of a query's mean counts, against that of its rollouts' differences from it.
MEAN_WEIGHT: Final = 0.25
#: Share of a kind's uncertainty that its first verdict is taken to lift, twice.
LEARNED: Final = 0.05
#: Probabilities are kept this far from 0 and 1: no belief is certain.
DOUBT: Final = 0.01


def choose_calls(standing: Standing, budget: int) -> list[Call]:
    """The calls to make now, best first; none where nothing is left to learn.

    Nothing is chosen that has a verdict, or whose conclusion has one. Equal gains go to the
    earlier query. The cost is that of sorting, plus some microseconds a call.

    Args:
        standing: what is known.
        budget: calls that may be made; fewer are chosen where fewer conclusions are open.
    """
    state = _State.of(standing)
    heap = [(-gain, query, row) for query, gain, row in state.best_of_all()]
    heapq.heapify(heap)
    chosen: list[Call] = []
    while heap and len(chosen) < budget:
        _, query, row = heapq.heappop(heap)
        now = state.gain(query, row)
        if heap and now < -heap[0][0] - 1e-12:  # its kind was taught since
            heapq.heappush(heap, (-now, query, row))
            continue
        chosen.append(
            Call(
                rollout=int(state.groups.example_C[row]),
                settles=int(state.groups.size_C[row]),
                gain=now,
            )
        )
        state.plan(query, row)
        if (following := state.best(query)) is not None:
            heapq.heappush(heap, (-state.gain(query, following), query, following))
    return chosen


def expected_gains(
    size_C: Doubles, mean_C: Doubles, closed: Doubles | float, query_C: Ints, total_Q: Doubles
) -> Doubles:
    """By how much a verdict on each conclusion lowers the squared error of its query, [C].

    Args:
        size_C: unsettled rollouts of each.
        mean_C: their probability.
        closed: how closed their query is, [C] or one number.
        query_C: their query, 0 to Q - 1.
        total_Q: rollouts of each query, settled ones too.
    """
    mean_C = np.clip(mean_C, DOUBT, 1 - DOUBT)
    variance_C = mean_C * (1 - mean_C)
    n_queries = len(total_Q)
    first_Q = _by(query_C, size_C * mean_C, n_queries)
    second_Q = _by(query_C, size_C * mean_C**2, n_queries)
    own_C = size_C * mean_C
    others_C = closed**2 * mean_C**2 * (second_Q[query_C] - own_C * mean_C) / variance_C
    sum_C = size_C * variance_C - closed * mean_C * (first_Q[query_C] - own_C)
    of_mean_C = sum_C**2 / variance_C / np.maximum(total_Q, 1)[query_C]
    return size_C * variance_C + others_C - (1 - MEAN_WEIGHT) * of_mean_C


@dataclass
class _State:
    """What is believed while calls are being chosen; calls that were chosen are assumed wrong."""

    groups: Groups
    closed_Q: Doubles
    mean_C: Doubles
    #: Rollouts of each conclusion that have no verdict and share none.
    open_C: Doubles
    total_Q: Doubles
    #: Probability of the way on which every chosen call of the query finds a wrong conclusion.
    alive_Q: Doubles
    gain_C: Doubles
    kind_Q: Ints
    #: Of each kind: queries with a verdict or a chosen call, and uncertainty.
    taught_K: Doubles
    doubt_K: Doubles
    taught_Q: Ints

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Before any call is chosen."""
        groups = Groups.of(standing)
        known_C = ~np.isnan(groups.verdict_C(standing.verdict_R))
        mean_C = groups.total_C(beliefs(standing).astype(np.float64)) / groups.size_C
        closed_Q = closed_by_query(standing)
        open_C = np.where(known_C, 0.0, groups.size_C.astype(np.float64))
        query_C, n_queries = groups.query_C, groups.n_queries
        total_Q = _by(query_C, groups.size_C, n_queries)
        kind_Q = standing.kind_Q
        kind_Q = np.zeros(n_queries, dtype=np.int64) if kind_Q is None else kind_Q
        taught_Q = np.zeros(n_queries, dtype=np.int64)
        taught_Q[query_C[known_C]] = 1
        n_kinds = int(kind_Q.max(initial=0)) + 1
        doubt_C = open_C * mean_C * (1 - mean_C)
        return cls(
            groups=groups,
            closed_Q=closed_Q,
            mean_C=mean_C,
            open_C=open_C,
            total_Q=total_Q,
            alive_Q=np.ones(n_queries),
            gain_C=expected_gains(open_C, mean_C, closed_Q[query_C], query_C, total_Q),
            kind_Q=kind_Q,
            taught_K=_by(kind_Q, taught_Q, n_kinds),
            doubt_K=_by(kind_Q[query_C], doubt_C, n_kinds),
            taught_Q=taught_Q,
        )

    def gain(self, query: int, row: int) -> float:
        """Expected gain of a call on conclusion `row` of `query`, as things stand."""
        own = float(self.alive_Q[query] * self.gain_C[row])
        if self.taught_Q[query]:
            return own
        kind = self.kind_Q[query]
        taught = self.taught_K[kind]
        return own + float(LEARNED * self.doubt_K[kind] / ((1 + taught) * (2 + taught)))

    def best(self, query: int) -> int | None:
        """The conclusion of `query` that is worth most; None where none is left."""
        rows = slice(self.groups.first_Q[query], self.groups.first_Q[query + 1])
        can_C = (self.open_C[rows] > 0) & (self.groups.example_C[rows] >= 0)
        if not can_C.any():
            return None
        return int(rows.start + np.argmax(np.where(can_C, self.gain_C[rows], -np.inf)))

    def best_of_all(self) -> Iterator[tuple[int, float, int]]:
        """Of each query with something left: itself, the gain, and the conclusion."""
        can_C = (self.open_C > 0) & (self.groups.example_C >= 0)
        rows = np.flatnonzero(can_C)
        order = rows[np.lexsort((rows, -self.gain_C[rows], self.groups.query_C[rows]))]
        queries, first = np.unique(self.groups.query_C[order], return_index=True)
        for query, row in zip(queries.tolist(), order[first].tolist(), strict=True):
            yield query, self.gain(query, row), row

    def plan(self, query: int, row: int) -> None:
        """Take a call as made, and go on where it finds its conclusion wrong."""
        first, last = self.groups.first_Q[query], self.groups.first_Q[query + 1]
        rows, closed = slice(first, last), float(self.closed_Q[query])
        mean = min(max(float(self.mean_C[row]), DOUBT), 1 - DOUBT)
        self.alive_Q[query] *= 1 - closed * mean
        self.open_C[row] = 0.0
        left_C = self.mean_C[rows] * (self.open_C[rows] > 0)
        most = 1 / max(float(left_C.sum()), DOUBT)
        raised = min(1 / (1 - mean), max(most, 1.0))
        self.mean_C[rows] *= 1 - closed + closed * raised
        self.gain_C[rows] = expected_gains(
            self.open_C[rows],
            self.mean_C[rows],
            closed,
            np.zeros(last - first, dtype=np.int64),
            self.total_Q[query : query + 1],
        )
        if not self.taught_Q[query]:
            self.taught_Q[query] = 1
            self.taught_K[self.kind_Q[query]] += 1


def _by(group_N: Ints, value_N: NDArray[Any], n_groups: int) -> Doubles:
    """Sum of the values of each group."""
    return np.bincount(group_N, weights=value_N, minlength=n_groups).astype(np.float64)
