"""A budget of verifier calls: which completions of a step are verified, as the memory plans it.

What was spent is in the journal of the run, so that a killed run resumes with what is left. The
calls of a step are noted before they are made, so that never more are made than allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from schema.calls import CallPlanner, calls_allowed
from schema.errors import InputError, RewardError
from schema.rollout import Rollout
from schema.score import Scorer
from trainer.rewards.journal import Journal


@dataclass(frozen=True, kw_only=True)
class CallBudget:
    """Calls that a run may make, as planned by its memory."""

    planner: CallPlanner
    journal: Journal
    #: Calls a rollout so far; what a step leaves is for later ones. None: see `per_step`.
    share: float | None
    #: Calls a step; what a step leaves is lost.
    per_step: int | None

    def plan(self, step: int, rollouts: Sequence[Rollout]) -> list[int]:
        """Rows of the step's new rollouts, which have their places, to verify now."""
        left = self._left(step)
        if left <= 0 or not rollouts:
            return []
        rows = self.planner.plan_calls(rollouts, left)
        if len(set(rows)) != len(rows) or len(rows) > left:
            raise RewardError(
                f"the memory planned {len(rows)} calls where {left} may be made: this is a fault "
                "of its planner"
            )
        if rows:
            self.journal.note({"step": step, "calls": len(rows)})
        return rows

    def _left(self, step: int) -> int:
        notes = [note for note in self.journal.notes if "calls" in note]
        if self.per_step is not None:
            return self.per_step - sum(note["calls"] for note in notes if note["step"] == step)
        assert self.share is not None
        return calls_allowed(self.share, self.journal.placed) - sum(note["calls"] for note in notes)


def call_budget(
    scorer: Scorer, journal: Journal, share: float | None, per_step: int | None
) -> CallBudget | None:
    """The budget that was asked for; None: none was.

    Raises:
        InputError: if it cannot be used, or the memory cannot plan calls.
    """
    if share is None and per_step is None:
        return None
    check_call_budget(share, per_step)
    if not isinstance(scorer, CallPlanner):
        raise InputError(
            "this scorer plans no calls: give a memory that was opened with `reuse`, or `labelled`"
        )
    return CallBudget(planner=scorer, journal=journal, share=share, per_step=per_step)


def check_call_budget(share: float | None, per_step: int | None) -> None:
    """Check that at most one is given, and what can be used.

    Raises:
        InputError: otherwise.
    """
    if share is not None and per_step is not None:
        raise InputError("calls are budgeted twice: give a share of rollouts, or a number a step")
    if share is not None and not 0 < share <= 1:
        raise InputError(f"a share of {share} calls cannot be used: above 0 and at most 1")
    if per_step is not None and per_step < 1:
        raise InputError(f"{per_step} calls a step cannot be used: give at least 1")
