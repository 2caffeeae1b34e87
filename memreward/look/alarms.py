"""What in a run should be looked at: signs that a policy learns what nobody wanted."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from memstore.browse import MeanAt, RunCalls, RunSteps

#: Steps of a run that are needed to compare its begin with its end.
MIN_STEPS: Final = 4
#: Completions at the end are this many times as long as at the begin.
GROWTH: Final = 1.5
#: The share of the most frequent conclusion at the end, and by how much it rose.
TAKEN_OVER: Final = 0.9
RISE: Final = 0.2
#: The share of audited verdicts that agree, and how many there must be.
AGREEMENT: Final = 0.95
MIN_AUDITED: Final = 20


def alarms(steps: RunSteps, calls: RunCalls) -> list[str]:
    """A sentence for each sign."""
    return [*_audit(calls), *_share(steps.share), *_growth(steps.tokens)]


def _audit(calls: RunCalls) -> Iterator[str]:
    if calls.audited >= MIN_AUDITED and calls.agreed < AGREEMENT * calls.audited:
        yield (
            f"Only {calls.agreed} of {calls.audited} audited verdicts agree with those that were "
            "taken over: equal conclusions do not always have equal rewards here."
        )


def _share(share: Sequence[MeanAt]) -> Iterator[str]:
    ends = _ends(share)
    if ends is not None and ends[1] >= TAKEN_OVER and ends[1] - ends[0] >= RISE:
        yield (
            f"One conclusion takes over in each group: its share rose from {ends[0]:.0%} to "
            f"{ends[1]:.0%}, so that groups have little left to learn from."
        )


def _growth(tokens: Sequence[MeanAt]) -> Iterator[str]:
    ends = _ends(tokens)
    if ends is not None and ends[1] > GROWTH * ends[0]:
        yield f"Completions grow: from {ends[0]:.0f} to {ends[1]:.0f} tokens."


def _ends(means: Sequence[MeanAt]) -> tuple[float, float] | None:
    """Means of the first and the last quarter of the steps; None: there are too few."""
    if len(means) < MIN_STEPS:
        return None
    quarter = len(means) // 4
    first, last = means[:quarter], means[-quarter:]
    return fmean(item.mean for item in first), fmean(item.mean for item in last)
