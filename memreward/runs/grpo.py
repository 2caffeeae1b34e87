"""A GRPO run as a job: tasks, labels, policy, reward and what is measured, in one folder."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from memreward.base import Bars, err_console
from memreward.runs.grpo_outcome import CURVE, DRAWN, JOURNAL, REFRESHES, GrpoOutcome, read_outcome
from memreward.runs.reward_quality import TRUTH, truth_watch
from memreward.runs.run_folder import keep_request, label_plan
from memreward.runs.run_request import GrpoRequest, ScorerSource, split_tasks
from schema.task import Task
from trainer import LabelPlan, add_line
from trainer.policy import Sampling, completion_signals, load_policy
from trainer.rewards import (
    Journal,
    baseline,
    memory_reward,
    open_journal,
    task_rows,
    verified_by,
)
from trainer.runs import (
    HISTORY,
    AccuracyCurve,
    Curriculum,
    Hook,
    alone,
    learn_or_say,
    measure_accuracy,
    train,
)
from trainer.tasks import TaskSet
from trainer.verifiers import Verifiers


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
    with alone(folder, "--run"):
        return _run(request, folder, source, progress)


def _run(
    request: GrpoRequest, folder: Path, source: ScorerSource | None, progress: Bars
) -> GrpoOutcome:
    keep_request(folder / "run.json", request)
    training, held = split_tasks(request)
    source = source or ScorerSource(scorer=baseline(request.arm, request.options.seed))
    plan, paid = label_plan(folder / "labels.json", request, training, source)
    if not (folder / HISTORY).exists():
        with Verifiers(run_code=request.run_code) as verifiers:
            _train(request, folder, source, plan, training, held, verifiers, progress)
    source.scorer.flush()
    return read_outcome(folder, training, paid)


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
    policy = load_policy(request.policy, trained=request.options.lora is None)
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
            learn_and_note(source.refresh, folder / REFRESHES, step)

    journal = open_journal(folder / JOURNAL)
    reward = memory_reward(
        source.scorer,
        verify=verified_by(verifiers),
        labelled=plan.labelled,
        audited=plan.audited,
        journal=journal,
        policy=policy.name,
        signals=partial(completion_signals, policy) if request.signals else None,
        calls=request.calls,
        calls_per_step=request.calls_per_step,
        on_alarm=request.on_alarm,
        watch=truth_watch(verified_by(verifiers), folder / TRUTH) if request.watched else None,
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
        _draws(request, folder, training, journal),
    )


def _draws(
    request: GrpoRequest, folder: Path, training: TaskSet, journal: Journal
) -> Iterator[list[int]] | None:
    """Rows of each step, where a curriculum draws them."""
    if not request.curriculum:
        return None
    return Curriculum(
        [task.source_query_id for task in training],
        journal,
        folder / DRAWN,
        batch=request.options.queries,
        seed=request.options.seed,
    ).draws()


def learn_and_note(learn: Callable[[], object], kept: Path, step: int) -> None:
    """Have the memory learn, and keep how long it took."""
    started = time.monotonic()
    learn_or_say(learn, step, lambda text: err_console.print(text, markup=False, soft_wrap=True))
    add_line(kept, {"step": step, "seconds": time.monotonic() - started})
