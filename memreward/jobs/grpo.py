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
from memstore import write_atomically
from schema.errors import InputError
from schema.score import Scorer
from schema.task import Task
from trainer import LabelPlan, add_line, plan_labels, read_lines
from trainer.policy import Sampling, completion_signals, load_policy
from trainer.rewards import Arm, Journal, baseline, memory_reward, task_rows, verified_by
from trainer.runs import (
    HISTORY,
    Accuracy,
    Curve,
    GrpoOptions,
    Hook,
    learn_or_say,
    measure_accuracy,
    train,
)
from trainer.tasks import TaskSet, load_tasks, tasks_of_file
from trainer.verifiers import Verifiers

JOURNAL, CURVE, REFRESHES = "journal.jsonl", "curve.jsonl", "refreshes.jsonl"


@dataclass(frozen=True, kw_only=True)
class GrpoRequest:
    """What `memreward grpo` was asked for."""

    policy: str
    tasks: str
    arm: Arm
    options: GrpoOptions
    #: Share of each family's queries that may be verified.
    labels: float = 0.2
    #: Share of each family's queries that is held out of training, to measure accuracy on.
    held_out: float = 0.3
    #: Families that are held out altogether, and measured too.
    held_families: tuple[str, ...] = ()
    #: Completions of each held-out task.
    held_rollouts: int = 4
    evaluate_every: int = 20
    #: The memory learns anew after so many steps.
    refresh_every: int = 10
    #: File of rows with a `query`, which are to be verified first, best first.
    suggestions: Path | None = None
    run_code: bool = False
    #: The policy's own signals of each completion, by one more forward pass, go into the memory.
    signals: bool = False


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the opinions of a run come from."""

    scorer: Scorer
    #: Texts of the queries that were paid for before, of those that are asked about.
    paid: Callable[[list[str]], frozenset[str]] = lambda texts: frozenset()
    #: Learn anew from what is stored; None: there is nothing that learns.
    refresh: Callable[[], object] | None = None


@dataclass(frozen=True, kw_only=True)
class GrpoOutcome:
    """What came of a run."""

    folder: Path
    before: Accuracy
    after: Accuracy
    #: Queries whose verification this run paid for.
    labels: int
    #: Queries it was trained on.
    queries: int
    #: In rewards (with what the memory needs to learn), and in all steps and refreshes.
    reward_seconds: float
    seconds: float


def run_grpo(
    request: GrpoRequest, folder: Path, source: Source | None, progress: Bars
) -> GrpoOutcome:
    """Train, or go on from where the folder stands, or say what came of it.

    Args:
        request: what to do; that of a run that goes on must be the same.
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
            f"{folder}: another process is at this run: wait for it, or choose another --run"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _run(request: GrpoRequest, folder: Path, source: Source | None, progress: Bars) -> GrpoOutcome:
    _keep_request(folder / "run.json", request)
    training, held = split_tasks(request)
    source = source or Source(scorer=baseline(request.arm, request.options.seed))
    plan, paid = _plan(folder / "labels.json", request, training, source)
    if not (folder / HISTORY).exists():
        with Verifiers(run_code=request.run_code) as verifiers:
            _train(request, folder, source, plan, training, held, verifiers, progress)
    source.scorer.flush()
    return _outcome(request, folder, training, paid)


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
    source: Source,
    plan: LabelPlan,
    training: TaskSet,
    held: list[Task],
    verifiers: Verifiers,
    progress: Bars,
) -> None:
    policy = load_policy(request.policy)
    curve = Curve(folder / CURVE)
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
    """Note what the run is; refuse to go on with something else."""
    told = json.loads(json.dumps(asdict(request), default=str))
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        other = sorted(name for name in told if told[name] != kept.get(name))
        if other:
            raise InputError(
                f"{path.parent} holds a run with other settings ({', '.join(other)}): give the "
                "same ones to go on, or another --run"
            )
        return
    write_atomically(path, json.dumps(told, indent=1))


def _plan(
    path: Path, request: GrpoRequest, training: TaskSet, source: Source
) -> tuple[LabelPlan, frozenset[str]]:
    """Which queries are labelled, and which of them were paid for; kept as it was made first."""
    texts = [task.query for task in training]
    if not path.exists():
        paid = source.paid(texts)
        plan = plan_labels(
            [(task.query, task.dataset) for task in training],
            1.0 if request.arm is Arm.ORACLE else request.labels,
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


def _outcome(
    request: GrpoRequest, folder: Path, training: TaskSet, paid: frozenset[str]
) -> GrpoOutcome:
    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    curve = Curve(folder / CURVE)
    rewards = sum(entry.get("memreward/seconds", 0.0) for entry in history)
    refreshes = {line["step"]: line["seconds"] for line in read_lines(folder / REFRESHES)}
    learning = sum(refreshes.values())
    text_of = {task.source_query_id: task.query for task in training}
    verified = {text_of[id_] for id_ in Journal(folder / JOURNAL).verified}
    return GrpoOutcome(
        folder=folder,
        before=curve.first,
        after=curve.last,
        labels=len(verified - paid),
        queries=len(training),
        reward_seconds=rewards + learning,
        seconds=sum(entry.get("step_time", 0.0) for entry in history) + learning,
    )


def draw_run(folder: Path) -> None:
    """Mean reward and share of rewarded completions by step, and accuracy on held-out tasks."""
    from matplotlib.figure import Figure

    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    curve = Curve(folder / CURVE).points
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, label in (("reward", "mean reward"), ("memreward/coverage", "rewarded")):
        known = [entry for entry in history if entry.get(name) is not None]
        axes.plot([e["step"] for e in known], [e[name] for e in known], label=label, alpha=0.6)
    steps = sorted(curve)
    axes.plot(steps, [curve[step].mean for step in steps], label="held-out accuracy", marker="o")
    axes.set(xlabel="step", ylim=(0, 1))
    axes.legend()
    figure.savefig(folder / "run.png", dpi=120)
