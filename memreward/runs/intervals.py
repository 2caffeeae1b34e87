"""Intervals of a comparison, by bootstrap over seeds and held-out queries together.

In each draw all arms have the same seeds and queries, so differences between arms are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 2_000
#: A difference of so many standard errors is seen in four of five comparisons (5 %, two sides).
SEEN: Final = 2.8

Floats = NDArray[np.float64]
#: Accuracy before and after by seed and held-out query, each [S, Q].
Curves = tuple[Floats, Floats]


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Middle 95 % of the draws; None where there is no oracle that gained."""

    after: tuple[float, float]
    #: Share of the oracle's gain, as a quotient of mean gains.
    share: tuple[float, float] | None
    #: The least difference from the oracle's accuracy that would have been seen.
    visible: float | None


def bootstrap(arms: Sequence[Curves], oracle: Curves | None, *, seed: int = 0) -> list[Intervals]:
    """The intervals of each arm.

    Args:
        arms: of each arm, with the same seeds and queries.
        oracle: of the arm that knows everything.
        seed: of the draws.
    """
    shape = arms[0][1].shape
    rng = np.random.default_rng(seed)
    seeds_DS = rng.integers(0, shape[0], (DRAWS, shape[0]))
    queries_DQ = rng.integers(0, shape[1], (DRAWS, shape[1]))

    def drawn(of_SQ: Floats) -> Floats:
        """Its mean in each draw, [DRAWS]."""
        pairs = zip(seeds_DS, queries_DQ, strict=True)
        return np.array([of_SQ[np.ix_(seeds_S, queries_Q)].mean() for seeds_S, queries_Q in pairs])

    best = None if oracle is None else (drawn(oracle[0]), drawn(oracle[1]))
    found: list[Intervals] = []
    for before, after in arms:
        before_D, after_D = drawn(before), drawn(after)
        share = visible = None
        if best is not None:
            gain_D = best[1] - best[0]
            if (gain_D > 0).mean() > 0.975:
                share = _middle((after_D - before_D)[gain_D > 0] / gain_D[gain_D > 0])
            visible = SEEN * float((after_D - best[1]).std(ddof=1))
        found.append(Intervals(after=_middle(after_D), share=share, visible=visible))
    return found


def curves(
    before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]]
) -> Curves | None:
    """Accuracies by seed and query; None where an older version measured no queries."""
    queries = sorted(set.intersection(*(set(one) for one in (*before, *after))))
    if not queries:
        return None
    first, last = (
        np.array([[one[query] for query in queries] for one in side]) for side in (before, after)
    )
    return first, last


def _middle(values_D: Floats) -> tuple[float, float]:
    low, high = np.quantile(values_D, [0.025, 0.975])
    return float(low), float(high)
