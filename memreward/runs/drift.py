"""Whether propagated rewards stay good while the policy moves: by quarter of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memreward.runs.reward_quality import Row, measured, read_truth
from schema.score import ScoreSource

#: A run's steps are told in so many parts.
QUARTERS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Quarter:
    """Of the completions of a quarter whose reward was propagated; None where not defined."""

    rewards: int
    within_query: float | None
    ece: float | None


def read_drift(path: Path) -> list[Quarter]:
    """The quality of propagated rewards by quarter of the steps that are kept in `path`.

    Empty where there are fewer steps than quarters: samples that were drawn once cannot drift.
    """
    steps = read_truth(path)
    if len(steps) < QUARTERS:
        return []
    parts: list[list[int]] = [[] for _ in range(QUARTERS)]
    for place, step in enumerate(sorted(steps)):
        parts[place * QUARTERS // len(steps)].append(step)
    return [_quarter([row for step in part for row in steps[step]]) for part in parts]


def _quarter(rows: Sequence[Row]) -> Quarter:
    guessed = [row for row in rows if row[2] is not None and row[3] == ScoreSource.PROPAGATED]
    _, within_query, ece = measured(guessed)
    return Quarter(rewards=len(guessed), within_query=within_query, ece=ece)
