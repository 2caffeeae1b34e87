"""Calls of a verifier: what is known before one is made, and which one to make."""

from dataclasses import dataclass

import numpy as np

from schema.memory_graph import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is believed and what was verified of some rollouts (_R) of some queries (_Q).

    Rewards that were not bought are no part of it.
    """

    #: Row of each rollout's query, 0 to Q - 1; -1 for a rollout that has none.
    query_R: Ints
    #: Any number that rollouts of one query share where they conclude the same; -1: none was read,
    #: and such a rollout speaks for itself alone.
    conclusion_R: Ints
    #: Probability that a rollout is right, from any source.
    probability_R: Floats
    #: Bought verdicts in [0, 1]; NaN elsewhere.
    verdict_R: Floats
    #: Whether the probabilities were said with the verdicts in sight: then they are not revised
    #: by them again.
    informed: bool = False
    #: Which rollouts a verifier can judge; None: all.
    verifiable_R: Bools | None = None
    #: How surely a query has one right conclusion at most: 1 for a number or an option that is
    #: asked for, 0 where any number of programs can be right. None: 1.
    closed_Q: Floats | None = None
    #: What a verdict on a query teaches about others: queries of one kind have one number, such
    #: as that of their data set. None: all are of one kind.
    kind_Q: Ints | None = None

    @property
    def n_queries(self) -> int:
        """Number of queries; some may have no rollout."""
        named = [len(given) for given in (self.closed_Q, self.kind_Q) if given is not None]
        return max([int(self.query_R.max(initial=-1)) + 1, *named])

    @property
    def bought_R(self) -> Bools:
        """Rollouts that were verified."""
        return ~np.isnan(self.verdict_R)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a verifier: a rollout to verify, and what is expected of it."""

    #: Its row.
    rollout: int
    #: Rollouts of its query with its conclusion, itself among them: they get its verdict.
    settles: int
    #: By how much the sum of squared errors of the rewards is expected to fall.
    gain: float
