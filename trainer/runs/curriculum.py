"""A curriculum: queries on which the policy is sometimes right and sometimes wrong are asked more.

GRPO learns from the spread of a group's rewards alone, and a reward of mean r has a variance of
r (1 - r). So a query is drawn with the weight 4 r (1 - r) of its last mean reward, verified and
propagated; but at least `LEAST`, since policies change and what was said may be wrong. A query
that was never asked has the weight 1. What is drawn is kept, so that a resumed run asks the same.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np

from trainer import add_line, read_lines
from trainer.rewards import Journal

#: The least weight of a query, whose most is 1.
LEAST: Final = 0.1
#: Visits that count: the last ones.
VISITS: Final = 2


class Curriculum:
    """Draws the queries of each step of a run."""

    def __init__(
        self, queries: Sequence[str], journal: Journal, kept: Path, *, batch: int, seed: int
    ) -> None:
        """Read what was drawn before.

        Args:
            queries: the owner's id of each row of the data set.
            journal: of the run, which tells the rewards.
            kept: file of what was drawn, made where it is missing.
            batch: rows of a draw.
            seed: of the draws.

        Raises:
            InputError: if the file is damaged.
        """
        self._queries, self._journal, self._kept = queries, journal, kept
        self._batch, self._seed = min(batch, len(queries)), seed

    def draws(self) -> Iterator[list[int]]:
        """Rows of one draw after another, without end; first what was drawn before."""
        number = 0
        if self._kept.exists():
            for line in read_lines(self._kept):
                yield line["rows"]
                number += 1
        while True:
            rows = self._draw(number)
            add_line(self._kept, {"draw": number, "rows": rows})
            yield rows
            number += 1

    def _draw(self, number: int) -> list[int]:
        generator = np.random.default_rng([self._seed, number])
        weight_N = np.array([self._weight(query) for query in self._queries])
        rows = generator.choice(
            len(weight_N), self._batch, replace=False, p=weight_N / weight_N.sum()
        )
        return [int(row) for row in rows]

    def _weight(self, query: str) -> float:
        rewards = self._journal.last_rewards(query, VISITS)
        if not rewards:
            return 1.0
        mean = fmean(rewards)
        return max(LEAST, 4 * mean * (1 - mean))
