"""Scorers to compare a memory with, in its place. None of them stores anything."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum

from schema.answers import conclusion_key
from schema.ids import rollout_id, text_fraction
from schema.rollout import Rollout
from schema.score import Score, Scorer, ScoreSource


class Arm(StrEnum):
    """Where the rewards of a run come from; labelled queries are verified in all of them."""

    #: All queries are labelled.
    ORACLE = "oracle"
    #: Completions to other queries are masked.
    PARTIAL = "partial"
    #: They get what the memory propagates.
    MEMREWARD = "memreward"
    #: They get 1 where they conclude what most of their group does, else 0.
    MAJORITY = "majority"
    #: They get 0 or 1 at random.
    RANDOM = "random"


class _Baseline:
    """A scorer without a memory: nothing is ever written."""

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score rollouts in order; those that carry a reward are verified."""
        values = self._values(rollouts)
        return [_score(one, value) for one, value in zip(rollouts, values, strict=True)]

    def flush(self) -> None:
        """There is nothing to wait for."""

    def _values(self, rollouts: Sequence[Rollout]) -> list[float | None]:
        raise NotImplementedError


class NoOpinion(_Baseline):
    """Knows what is verified and nothing else."""

    def _values(self, rollouts: Sequence[Rollout]) -> list[float | None]:
        return [None] * len(rollouts)


class Majority(_Baseline):
    """Takes the most frequent conclusion of a group for the right one (TTRL, arXiv 2504.16084).

    Of equally frequent ones the first wins; an answer without a conclusion gets 0.
    """

    def _values(self, rollouts: Sequence[Rollout]) -> list[float | None]:
        keys = [conclusion_key(r.query, r.thinking, r.answer, r.domain) for r in rollouts]
        votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for rollout, key in zip(rollouts, keys, strict=True):
            if key is not None:
                votes[rollout.query][key] += 1
        winner = {query: counter.most_common(1)[0][0] for query, counter in votes.items()}
        return [
            float(key is not None and key == winner[rollout.query])
            for rollout, key in zip(rollouts, keys, strict=True)
        ]


class Random(_Baseline):
    """Tosses a coin for each place; the same seed tosses the same."""

    def __init__(self, seed: int) -> None:
        """Toss by `seed`."""
        self._salt = f"random-{seed}"

    def _values(self, rollouts: Sequence[Rollout]) -> list[float | None]:
        return [float(text_fraction(_id(rollout), self._salt) < 0.5) for rollout in rollouts]


def baseline(arm: Arm, seed: int) -> Scorer:
    """The scorer of an arm that has no memory; the oracle never asks it for an opinion."""
    if arm is Arm.MAJORITY:
        return Majority()
    return Random(seed) if arm is Arm.RANDOM else NoOpinion()


def _id(rollout: Rollout) -> str:
    return rollout_id("", "", rollout.source_query_id, rollout.step, rollout.place)


def _score(rollout: Rollout, value: float | None) -> Score:
    if rollout.reward is not None:
        value, source = rollout.reward, ScoreSource.VERIFIED
    else:
        source = ScoreSource.NONE if value is None else ScoreSource.PROPAGATED
    return Score(
        rollout_id=_id(rollout),
        value=value,
        confidence=float(source is ScoreSource.VERIFIED),
        source=source,
    )
