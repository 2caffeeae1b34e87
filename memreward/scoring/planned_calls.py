"""A collection whose verifier calls are budgeted: its memory plans them, batch after batch."""

from collections.abc import Sequence

from schema.calls import CallPlanner, calls_allowed
from schema.rollout import Rollout
from schema.score import ScoreSource


class PlannedCalls:
    """Plans the calls of each batch, then stores it."""

    def __init__(self, memory: CallPlanner, share: float, *, rollouts: int, made: int) -> None:
        """Continue a run.

        Args:
            memory: plans and stores.
            share: calls a rollout; what a batch leaves is for later ones.
            rollouts: that the run has stored.
            made: calls that it has made.
        """
        self._memory, self._share = memory, share
        self._rollouts, self._made = rollouts, made
        #: Rollouts whose verdict was taken over.
        self.taken_over = 0

    def plan(self, rollouts: Sequence[Rollout]) -> list[int]:
        """Rows of a batch to verify."""
        allowed = calls_allowed(self._share, self._rollouts + len(rollouts))
        rows = self._memory.plan_calls(rollouts, max(allowed - self._made, 0))
        self._made += len(rows)
        return rows

    def store(self, rollouts: Sequence[Rollout]) -> None:
        """Store a batch with what was verified."""
        scores = self._memory.score(rollouts)
        self._rollouts += len(rollouts)
        self.taken_over += sum(one.source is ScoreSource.SAME_CONCLUSION for one in scores)
