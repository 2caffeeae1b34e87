"""A GRPO run as a job: tasks, labels, policy, reward and what is measured, in one folder."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from memreward.base import Bars, err_console
from memreward.jobs.grpo_outcome import CURVE, JOURNAL, REFRESHES, GrpoOutcome, read_outcome
from memstore import write_atomically
from schema.errors import InputError
from schema.score import Scorer
from schema.task import Task
from trainer import LabelPlan, add_line, plan_labels
from trainer.policy import Sampling, completion_signals, load_policy
from trainer.rewards import Arm, baseline, memory_reward, task_rows, verified_by
from trainer.runs import (
    HISTORY,
    AccuracyCurve,
    GrpoOptions,
    Hook,
    learn_or_say,
    measure_accuracy,
    train,
)
from trainer.tasks import TaskSet, load_tasks, tasks_of_file
from trainer.verifiers import Verifiers


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


def run_grpo(
    request: GrpoRequest, folder: Path, source: ScorerSource | None, progress: Bars
) -> GrpoOutcome:
    """Train, resume the run saved in `folder`, or return the outcome of a finished one.

    Args:
        request: what to do; a resumed run must be given the same.
        folder: of this run.
        source: the memory; None for the other arms.
        progress: told of steps.

    Raises:
        InputError: if tasks or policy cannot be used, the folder holds another run, or another
            process is at it.
        RewardError: if rewards cannot be given as promised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return _run(request, folder, source, progress)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """In the block, no other process is at the run of `folder`.

    Raises:
        InputError: if one is.
    """
    lock = FileLock(folder / "lock", blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder}: another process is working on this run: wait for it, or choose "
            "another --run"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _run(
    request: GrpoRequest, folder: Path, source: ScorerSource | None, progress: Bars
) -> GrpoOutcome:
    _keep_request(folder / "run.json", request)
    training, held = split_tasks(request)
    source = source or ScorerSource(scorer=baseline(request.arm, request.options.seed))
    plan, paid = _plan(folder / "labels.json", request, training, source)
    if not (folder / HISTORY).exists():
        with Verifiers(run_code=request.run_code) as verifiers:
            _train(request, folder, source, plan, training, held, verifiers, progress)
    source.scorer.flush()
    return read_outcome(folder, training, paid)


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


def _train(
    request: GrpoRequest,
    folder: Path,
    source: ScorerSource,
    plan: LabelPlan,
    training: TaskSet,
    held: list[Task],
    verifiers: Verifiers,
    progress: Bars,
) -> None:
    policy = load_policy(request.policy)
    curve = AccuracyCurve(folder / CURVE)
    sampling = Sampling(
        rollouts=request.held_rollouts,
        max_new_tokens=request.options.completion_tokens,
        seed=request.options.seed,
    )

    def measure(step: int) -> None:
        if step not in curve.points:
            curve.add(measure_accuracy(policy, held, verifiers, sampling, step))

    def refresh(step: int) -> None:
        if source.refresh is not None and step < request.options.steps:
            _refresh(source.refresh, folder / REFRESHES, step)

    reward = memory_reward(
        source.scorer,
        verify=verified_by(verifiers),
        labelled=plan.labelled,
        audited=plan.audited,
        journal=folder / JOURNAL,
        policy=policy.name,
        signals=partial(completion_signals, policy) if request.signals else None,
        calls=request.calls,
        calls_per_step=request.calls_per_step,
    )
    train(
        policy.model,
        policy.tokenizer,
        task_rows(policy, training.tasks),
        reward,
        folder,
        request.options,
        [
            Hook(every=request.evaluate_every, do=measure),
            Hook(every=request.refresh_every, do=refresh, at_start=False),
            Hook(every=1, do=lambda step: progress("train", step, request.options.steps)),
        ],
    )


def _refresh(learn: Callable[[], object], kept: Path, step: int) -> None:
    started = time.monotonic()
    learn_or_say(learn, step, lambda text: err_console.print(text, markup=False, soft_wrap=True))
    add_line(kept, {"step": step, "seconds": time.monotonic() - started})


def _keep_request(path: Path, request: GrpoRequest) -> None:
    """Save the run's settings; refuse to resume it with others."""
    told = json.loads(json.dumps(asdict(request), default=str))
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        other = sorted(name for name in told if told[name] != kept.get(name))
        if other:
            raise InputError(
                f"{path.parent} holds a run with other settings ({', '.join(other)}): give the "
                "same ones to resume it, or another --run"
            )
        return
    write_atomically(path, json.dumps(told, indent=1))


def _plan(
    path: Path, request: GrpoRequest, training: TaskSet, source: ScorerSource
) -> tuple[LabelPlan, frozenset[str]]:
    """Which queries are labelled, and which of them were paid for; kept as it was made first."""
    texts = [task.query for task in training]
    if not path.exists():
        paid = source.paid(texts)
        plan = plan_labels(
            [(task.query, task.dataset) for task in training],
            _label_share(request),
            request.options.seed,
            paid=paid,
            suggested=_suggested(request.suggestions, texts),
        )
        if request.arm is not Arm.MEMREWARD:
            plan = replace(plan, audited=frozenset())
        chosen = {
            "labelled": sorted(plan.labelled),
            "audited": sorted(plan.audited),
            "paid": sorted(paid & plan.labelled),
        }
        write_atomically(path, json.dumps(chosen, indent=1))
    kept = json.loads(path.read_text(encoding="utf-8"))
    return (
        LabelPlan(labelled=frozenset(kept["labelled"]), audited=frozenset(kept["audited"])),
        frozenset(kept["paid"]),
    )


def _label_share(request: GrpoRequest) -> float:
    """Share of the queries whose completions are all verified."""
    if request.budgets_calls:
        return 0.0
    return 1.0 if request.arm is Arm.ORACLE else request.labels


def _suggested(path: Path | None, texts: list[str]) -> list[str]:
    """Suggested queries, best first; those that are no task are left out.

    Raises:
        InputError: if the file cannot be read, or suggests no task.
    """
    if path is None:
        return []
    suggested = [task.query for task in tasks_of_file(path) if task.query in set(texts)]
    if not suggested:
        raise InputError(f"{path}: no row has the `query` of a task: check both")
    return suggested
