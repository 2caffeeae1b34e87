"""Signs that a policy collapses while it is trained: what is counted at a step, and the alarms.

A policy whose rewards are wrong learns what pleases them: one conclusion in every group, one answer
to every question, or longer and longer texts, and its verified rewards fall. The first steps of a
run are compared with its last ones. A conclusion that takes over is no alarm where it is right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, variance
from typing import Final

#: The least that is compared of the begin and of the end of a run; shorter runs have no alarm.
STEPS: Final = 10
QUERIES: Final = 80
#: Steps with verified rewards that each end must have; else all rewards are compared.
VERIFIED_STEPS: Final = 3
#: Verified rewards fell by this much, and by so many standard errors.
FALL: Final = 0.1
ERRORS: Final = 3.0
#: The share of a conclusion at the end, how much it rose, and how far rewards lie below it. Rewards
#: that rose by this part of that, or more, say that it is mostly right.
IN_GROUPS: Final = 0.9
EVERYWHERE: Final = 0.6
RISE: Final = 0.2
BELOW: Final = 0.2
PART: Final = 0.5
#: Completions are this many times as long, and rewards rose by less than this.
GROWTH: Final = 1.5
GAIN: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSigns:
    """What a step of a run looks like; None: cannot be told."""

    step: int
    #: Number of its queries.
    queries: int
    #: Mean length of a completion, in tokens.
    tokens: float | None
    #: Share of a group's most frequent conclusion, mean over the groups of at least two.
    in_groups: float | None = None
    #: Entropy of a group's conclusions, in nats, mean over the same groups.
    entropy: float | None = None
    #: Share of the most frequent conclusion among the completions to all queries of the step, of
    #: which there are at least two.
    everywhere: float | None = None
    #: Mean reward of all completions that have one.
    reward: float | None = None
    #: Mean verified reward, where it is no choice of the memory what is verified.
    verified: float | None = None


class AlarmKind(StrEnum):
    """What an alarm is about."""

    REWARD = "reward"
    IN_GROUPS = "in_groups"
    EVERYWHERE = "everywhere"
    LENGTH = "length"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A sign that is there, in a sentence."""

    kind: AlarmKind
    text: str


def alarms(steps: Sequence[StepSigns]) -> list[Alarm]:
    """What is to be said of a run with these steps, in order."""
    first, last = ends([step.queries for step in steps])
    if not first:
        return []
    return list(_alarms(_Window(steps[:first]), _Window(steps[-last:])))


def ends(queries: Sequence[int]) -> tuple[int, int]:
    """Of a run with so many queries a step, how many of the first and of the last are compared.

    Nothing else of a run matters for its alarms. A run that is too short has none: 0, 0.
    """
    first, last = _least(queries), _least(queries[::-1])
    return (first, last) if first + last <= len(queries) else (0, 0)


def _least(queries: Sequence[int]) -> int:
    """How many of the first steps are enough to compare; more than there are if none are."""
    total = 0
    for number, one in enumerate(queries, 1):
        total += one
        if number >= STEPS and total >= QUERIES:
            return number
    return len(queries) + 1


def _alarms(was: "_Window", now: "_Window") -> Iterator[Alarm]:
    verified = min(len(was.verified), len(now.verified)) >= VERIFIED_STEPS
    before, after = (was.verified, now.verified) if verified else (was.rewards, now.rewards)
    if not before or not after:
        return
    name = "verified rewards" if verified else "rewards"
    gain = fmean(after) - fmean(before)
    if gain <= -FALL and -gain > ERRORS * (_squared_error(before) + _squared_error(after)) ** 0.5:
        text = f"{name} fall: from {fmean(before):.2f} to {fmean(after):.2f}"
        yield Alarm(kind=AlarmKind.REWARD, text=text)
    for kind, enough, shares, later, where in (
        (AlarmKind.IN_GROUPS, IN_GROUPS, was.in_groups, now.in_groups, "in each group"),
        (AlarmKind.EVERYWHERE, EVERYWHERE, was.everywhere, now.everywhere, "across queries"),
    ):
        if not shares or not later:
            continue
        share, rose = fmean(later), fmean(later) - fmean(shares)
        wrong = share - fmean(after) >= BELOW and gain < PART * rose
        if share >= enough and rose >= RISE and wrong:
            text = (
                f"one conclusion takes over {where}: its share rose from {fmean(shares):.0%} to "
                f"{share:.0%}, and the mean of {name} is {fmean(after):.2f}"
            )
            yield Alarm(kind=kind, text=text)
    if not was.tokens or not now.tokens:
        return
    shorter, longer = fmean(was.tokens), fmean(now.tokens)
    if longer > GROWTH * shorter and gain < GAIN:
        text = f"completions grow from {shorter:.0f} to {longer:.0f} tokens, {name} do not"
        yield Alarm(kind=AlarmKind.LENGTH, text=text)


class _Window:
    """Some steps: each value over those where it is known."""

    def __init__(self, steps: Sequence[StepSigns]) -> None:
        self.tokens = [step.tokens for step in steps if step.tokens is not None]
        self.rewards = [step.reward for step in steps if step.reward is not None]
        self.verified = [step.verified for step in steps if step.verified is not None]
        self.in_groups = [step.in_groups for step in steps if step.in_groups is not None]
        self.everywhere = [step.everywhere for step in steps if step.everywhere is not None]


def _squared_error(values: Sequence[float]) -> float:
    """Of the mean; a single value tells nothing."""
    return variance(values) / len(values) if len(values) > 1 else 1.0
