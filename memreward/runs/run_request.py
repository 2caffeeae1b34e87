"""What a training run is asked for: task set, policy, arm, budget, and where opinions come from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from schema.errors import InputError
from schema.score import Scorer
from schema.task import Task
from trainer.rewards import Arm, OnAlarm
from trainer.runs import GrpoOptions
from trainer.tasks import TaskSet, load_tasks


@dataclass(frozen=True, kw_only=True)
class GrpoRequest:
    """What `memreward grpo` was asked for."""

    policy: str
    tasks: str
    arm: Arm
    options: GrpoOptions
    #: Share of each family's queries that may be verified.
    labels: float = 0.2
    #: Instead of `labels`: share of the completions, or number of them a step, that may be
    #: verified; the memory plans which.
    calls: float | None = None
    calls_per_step: int | None = None
    #: Share of each family's queries that is held out of training, to measure accuracy on.
    held_out: float = 0.3
    #: Families that are held out altogether, and measured too.
    held_families: tuple[str, ...] = ()
    #: Completions of each held-out task.
    held_rollouts: int = 4
    evaluate_every: int = 20
    #: The memory is trained again after this many steps.
    refresh_every: int = 10
    #: File of rows with a `query`, which are to be verified first, best first.
    suggestions: Path | None = None
    run_code: bool = False
    #: The policy's own signals of each completion, by one more forward pass, go into the memory.
    signals: bool = False
    #: Queries whose groups have spread are asked more.
    curriculum: bool = False
    #: What the audit and signs of collapse do.
    on_alarm: OnAlarm = OnAlarm.STOP
    #: Everything is verified once more, for a report on the rewards that nothing else sees.
    watched: bool = False

    @property
    def budgets_calls(self) -> bool:
        """Whether calls are budgeted, and not queries."""
        return self.calls is not None or self.calls_per_step is not None


@dataclass(frozen=True, kw_only=True)
class ScorerSource:
    """Where the opinions of a run come from."""

    scorer: Scorer
    #: Texts of the queries that were paid for before, of those that are asked about.
    paid: Callable[[list[str]], frozenset[str]] = lambda texts: frozenset()
    #: Train again on what is stored; None: the source has no model.
    refresh: Callable[[], object] | None = None


def split_tasks(request: GrpoRequest) -> tuple[TaskSet, list[Task]]:
    """Tasks to train on, and tasks to measure accuracy on.

    Raises:
        InputError: if one of them is empty, or a task to be measured cannot be verified.
    """
    tasks, families = load_tasks(request.tasks).hold_out(request.held_families)
    training, held = tasks.split(request.held_out)
    measured = [*held, *families]
    if not len(training) or not measured:
        raise InputError(
            f"{request.tasks}: {len(training)} tasks to train on and {len(measured)} held out: "
            "give more tasks, or another --held-out"
        )
    if any(task.check is None for task in (*training, *measured)):
        raise InputError(
            f"{request.tasks}: some tasks have nothing to verify answers by: give `gold` or `tests`"
        )
    return training, measured
