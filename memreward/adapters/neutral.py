"""What a score becomes for trainers that want a number for each completion and mask none.

- An opinion is its value.
- No opinion is a neutral value: 0.5 unless told otherwise. Whether there is an opinion depends on
  the query, so all of a group get it together, and their advantages are 0. Where a whole group is
  at hand, what has no opinion gets the mean of the others instead, and a group whose values hardly
  differ counts as one without opinions.
- A completion that says nothing, or that no memory can hold, gets 0: it answers nothing, and a
  neutral value would reward it.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

from schema.score import Score, ScoreSource
from trainer.rewards import MIN_SPREAD, Assigned, without_noise

#: Stands for "no opinion" unless the trainer's configuration says otherwise.
NEUTRAL: Final = 0.5
BLANK: Final = 0.0


def numbers(scores: Sequence[Score | None], neutral: float = NEUTRAL) -> list[float]:
    """One number a score; None means a completion that no memory holds."""
    return [
        BLANK if score is None else neutral if score.value is None else score.value
        for score in scores
    ]


def group_numbers(
    scores: Sequence[Score | None], groups: Sequence[Hashable], neutral: float = NEUTRAL
) -> list[float]:
    """The same for whole groups: a completion without a reward changes no advantage.

    Args:
        scores: None means a completion that no memory holds.
        groups: the query of each.
        neutral: for groups without any opinion.
    """
    assigned = [
        Assigned(value=BLANK, source=ScoreSource.VERIFIED)
        if score is None
        else Assigned(value=score.value, source=score.source)
        for score in scores
    ]
    kept = without_noise(assigned, groups, MIN_SPREAD)
    said: defaultdict[Hashable, list[float]] = defaultdict(list)
    for value, group in zip(kept, groups, strict=True):
        if value is not None:
            said[group].append(value)
    means = {group: sum(values) / len(values) for group, values in said.items()}
    return [
        means.get(group, neutral) if value is None else value
        for value, group in zip(kept, groups, strict=True)
    ]
