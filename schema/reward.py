"""Verified and propagated rewards: different facts that never share a property."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

#: Source of a verdict that was not asked for: another rollout of the query has it, and concludes
#: the same.
SAME_CONCLUSION: Final = "same_conclusion"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedReward:
    """What a verifier or a person said about a rollout."""

    rollout_id: str
    value: float
    source: str
    run: str | None = None
    at: datetime | None = None
    #: Whether it counts for all rollouts of the query that conclude the same.
    for_conclusion: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PropagatedReward:
    """What a model concluded about a rollout; `value` None means it has no opinion."""

    rollout_id: str
    value: float | None
    #: 1 - normalised entropy of the predicted probability, in [0, 1].
    confidence: float
    model: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """Somebody finds one rollout better than another of the same query."""

    better: str
    worse: str
    annotator: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedSums:
    """Sums over queries of how many rollouts are verified (n) and of their rewards (s)."""

    queries: int = 0
    n: int = 0
    s: float = 0.0
    s_s: float = 0.0
    s_n: float = 0.0
    n_n: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """What was new in some labels."""

    rewards: int = 0
    preferences: int = 0
    #: Rewards of rollouts that conclude the same as one whose reward is new.
    taken_over: int = 0

    def __add__(self, other: "LabelReport") -> "LabelReport":
        return LabelReport(
            rewards=self.rewards + other.rewards,
            preferences=self.preferences + other.preferences,
            taken_over=self.taken_over + other.taken_over,
        )
