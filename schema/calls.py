"""Calls of a verifier: what is known before one is made, and which one to make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from schema.memory_graph import Bools, Floats, Ints
from schema.rollout import Rollout
from schema.score import Scorer


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


def calls_allowed(share: float, rollouts: int) -> int:
    """Calls that a share of these rollouts allows; what is short of one by rounding counts."""
    return int(share * rollouts + 1e-9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a verifier: a rollout to verify, and what is expected of it."""

    #: Its row.
    rollout: int
    #: Rollouts of its query with its conclusion, itself among them: they get its verdict.
    settles: int
    #: By how much the sum of squared errors of the rewards is expected to fall.
    gain: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reuse:
    """That verdicts are taken over, and how this is audited."""

    #: Share of the verdicts taken over that are asked for all the same, at random by the seed.
    audited: float = 0.02
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ConclusionToJudge:
    """A conclusion that is worth a verdict, as a person or a judge model is given it."""

    #: The owner's, of the typical rollout.
    query_id: str
    dataset: str
    query: str
    #: None: none was read, and the verdict is on the answer alone.
    conclusion: str | None
    #: One typical rollout that reaches it, and its answer.
    rollout_id: str
    answer: str
    #: Rollouts that get the verdict.
    rollouts: int
    #: By how much the sum of squared errors of the rewards is expected to fall.
    gain: float


#: Judges conclusions, one reward in [0, 1] each, in order; None: it cannot tell.
Judge = Callable[[Sequence[ConclusionToJudge]], Sequence[float | None]]


@runtime_checkable
class CallPlanner(Scorer, Protocol):
    """A memory that says which rollouts to verify, and takes verdicts over for others."""

    def plan_calls(self, rollouts: Sequence[Rollout], budget: int) -> list[int]:
        """The rows to verify before the rollouts are stored by `score`, at most `budget`.

        Args:
            rollouts: new ones without rewards, at best all of a step.
            budget: calls that may be made.

        Raises:
            MemrewardError: if they cannot be scored, or no verdicts are taken over here.
        """
        ...
