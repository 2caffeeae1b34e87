"""A served memory that learns by itself: each time so many verified rewards more were stored."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from schema.errors import MemrewardError
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score


class Labelled(Protocol):
    """What takes labels: a `memreward.Memory`."""

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store rewards and preferences of rollouts that are there."""
        ...


class Learner(Labelled, Protocol):
    """What learns: a `memreward.Memory`."""

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score, and store."""
        ...

    def learn(self) -> str:
        """Learn from what is verified; returns the checkpoint's version."""
        ...


class LearningScorer:
    """Scores by a memory, and has it learn in a thread of its own.

    While it learns, scores wait. The reply to the request that made it learn does not.
    """

    def __init__(self, memory: Learner, every: int, say: Callable[[str], None]) -> None:
        """Learn after each `every` verified rewards; what came of it is said by `say`."""
        self._memory, self._every, self._say = memory, every, say
        #: Verified rewards since it learned last.
        self._n_new = 0
        #: Labels come in other threads than rollouts.
        self._counting = threading.Lock()
        self._thread: threading.Thread | None = None

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score, and begin to learn if enough is verified; see `Memory.score`."""
        scores = self._memory.score(rollouts, store=store)
        if store:
            self._count(sum(rollout.reward is not None for rollout in rollouts))
        return scores

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store labels, and begin to learn if enough is verified; see `Memory.label`."""
        report = self._memory.label(labels, annotator=annotator)
        self._count(report.rewards)
        return report

    def flush(self) -> None:
        """Nothing: whoever owns the memory flushes it."""

    def close(self) -> None:
        """Wait until it has learned what it began to."""
        if self._thread is not None:
            self._thread.join()

    def _count(self, n_verified: int) -> None:
        with self._counting:
            self._n_new += n_verified
            if self._n_new >= self._every and not self._learns():
                self._n_new = 0
                self._thread = threading.Thread(target=self._learn, name="learn")
                self._thread.start()

    def _learns(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _learn(self) -> None:
        try:
            version = self._memory.learn()
        except MemrewardError as error:
            self._say(f"warning: it did not learn: {error}")
        else:
            self._say(f"learned: {version} scores from here on")
