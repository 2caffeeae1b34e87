"""A run that learns from samples which were drawn once, of which an arm's rewards choose."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memreward.base import Bars
from memreward.runs.grpo_outcome import CURVE, GREEDY, GrpoOutcome
from memreward.runs.offline_rewards import Group, reward_samples
from memreward.runs.reward_quality import TRUTH, keep_truth, read_quality
from memreward.runs.run_folder import keep_request, label_plan
from memreward.runs.run_request import GrpoRequest, ScorerSource, split_tasks
from memstore import write_atomically
from schema.score import ScoreSource
from schema.task import Task
from trainer.datasets import RIGHT_FROM, Kind, Selection, sample_rows
from trainer.policy import Policy, Sampling, load_policy
from trainer.rewards import Assigned, baseline
from trainer.runs import (
    HISTORY,
    AccuracyCurve,
    Hook,
    Method,
    OfflineOptions,
    Sample,
    alone,
    measure_accuracy,
    sampled_once,
    train_offline,
)
from trainer.tasks import TaskSet
from trainer.verifiers import Verifiers

_KINDS = {Method.SFT: Kind.SFT, Method.DPO: Kind.DPO}
#: So cold that the likeliest token is taken.
_COLD = 1e-6


def run_offline(
    request: GrpoRequest,
    folder: Path,
    source: ScorerSource | None,
    progress: Bars,
    *,
    method: Method,
    samples: Path,
    right_from: float = RIGHT_FROM,
) -> GrpoOutcome:
    """Learn from samples, resume the run in `folder`, or return the outcome of a finished one.

    Args:
        request: what to do; `options.group` samples a query were drawn, and a step has
            `options.queries` rows. A resumed run must be given the same.
        folder: of this run.
        source: the memory; None for the other arms.
        progress: told of steps.
        method: fine-tuning or preference optimisation.
        samples: the file of the samples, which are drawn where they are missing.
        right_from: rewards from here on are right.

    Raises:
        InputError: if tasks or policy cannot be used, the folder holds another run, another
            process is at it, or the rewards choose nothing.
    """
    selection = Selection(kind=_KINDS[method], right_from=right_from)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, "--run"), Verifiers(run_code=request.run_code) as verifiers:
        keep_request(folder / "run.json", request, method=method, right_from=right_from)
        training, held = split_tasks(request)
        source = source or ScorerSource(scorer=baseline(request.arm, request.options.seed))
        plan, paid = label_plan(folder / "labels.json", request, training, source)
        if not (folder / HISTORY).exists():
            groups = _sampled(request, training, verifiers, samples, progress)
            given, seconds = _rewarded(request, folder, source, plan.labelled, groups)
            policy = load_policy(request.policy, trained=request.options.lora is None)
            prompts = [policy.prompt_text(one.messages) for one in training]
            rows = sample_rows(groups, given, prompts, selection)
            options = _options(request, method)
            history = _learn(request, folder, policy, options, rows, held, verifiers, progress)
            history |= _told(groups, given)
            history["reward_seconds"] = seconds
            # Last, and at once or not at all: its presence says that the run is finished.
            write_atomically(folder / HISTORY, json.dumps(history))
        source.scorer.flush()
    return _outcome(folder, len(training), paid)


def _sampled(
    request: GrpoRequest, training: TaskSet, verifiers: Verifiers, samples: Path, progress: Bars
) -> list[list[Sample]]:
    """The samples of each query, the same for all arms and seeds."""
    options = request.options
    return sampled_once(
        lambda: load_policy(request.policy),
        training.tasks,
        Sampling(rollouts=options.group, max_new_tokens=options.completion_tokens),
        verifiers,
        samples,
        progress,
    )


def _rewarded(
    request: GrpoRequest,
    folder: Path,
    source: ScorerSource,
    labelled: frozenset[str],
    groups: Sequence[Group],
) -> tuple[list[list[Assigned]], float]:
    """The samples' rewards, and the seconds that they took; kept with the truth."""
    started = time.monotonic()
    given = reward_samples(request, folder, source, labelled, groups)
    seconds = time.monotonic() - started
    rows = [
        (one.task.query, one.truth, reward.value, reward.source)
        for group, rewards in zip(groups, given, strict=True)
        for one, reward in zip(group, rewards, strict=True)
    ]
    keep_truth(folder / TRUTH, 0, rows)
    return given, seconds


def _learn(
    request: GrpoRequest,
    folder: Path,
    policy: Policy,
    options: OfflineOptions,
    rows: Sequence[dict[str, str]],
    held: list[Task],
    verifiers: Verifiers,
    progress: Bars,
) -> dict[str, Any]:
    """Train on the rows, measure before and after, and tell what was done."""
    shown = Hook(every=1, do=lambda step: progress("train", step, options.steps))
    _measure(request, folder, policy, held, verifiers, 0)
    started = time.monotonic()
    log = train_offline(policy, rows, folder / "trl", options, [shown])
    seconds = time.monotonic() - started
    _measure(request, folder, policy, held, verifiers, options.steps)
    return {"rows": len(rows), "training_seconds": seconds, "log": log}


def _told(groups: Sequence[Group], given: Sequence[Sequence[Assigned]]) -> dict[str, Any]:
    """Where each reward is from, and the queries of which something was verified."""
    rewarded = [one for rewards in given for one in rewards]
    queries = [one.task.query for group in groups for one in group]
    verified = {
        query
        for query, one in zip(queries, rewarded, strict=True)
        if one.source is ScoreSource.VERIFIED
    }
    return {"sources": [one.source for one in rewarded], "labelled": sorted(verified)}


def _options(request: GrpoRequest, method: Method) -> OfflineOptions:
    options = request.options
    return OfflineOptions(
        method=method,
        steps=options.steps,
        seed=options.seed,
        batch=options.queries,
        learning_rate=options.learning_rate,
        lora=options.lora,
    )


def _measure(
    request: GrpoRequest,
    folder: Path,
    policy: Policy,
    held: list[Task],
    verifiers: Verifiers,
    step: int,
) -> None:
    """Accuracy of sampled completions, and of the greedy one."""
    options = request.options
    ways = {CURVE: (request.held_rollouts, 1.0), GREEDY: (1, _COLD)}
    for name, (rollouts, temperature) in ways.items():
        curve = AccuracyCurve(folder / name)
        if step not in curve.points:
            sampling = Sampling(
                rollouts=rollouts,
                max_new_tokens=options.completion_tokens,
                temperature=temperature,
                seed=options.seed,
            )
            curve.add(measure_accuracy(policy, held, verifiers, sampling, step))


def _outcome(folder: Path, queries: int, paid: frozenset[str]) -> GrpoOutcome:
    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    curve, greedy = AccuracyCurve(folder / CURVE), AccuracyCurve(folder / GREEDY)
    return GrpoOutcome(
        folder=folder,
        before=curve.first,
        after=curve.last,
        greedy=(greedy.first, greedy.last),
        labels=len(set(history["labelled"]) - paid),
        queries=queries,
        calls=history["sources"].count(ScoreSource.VERIFIED),
        calls_saved=history["sources"].count(ScoreSource.SAME_CONCLUSION),
        completions=len(history["sources"]),
        reward_seconds=history["reward_seconds"],
        seconds=history["reward_seconds"] + history["training_seconds"],
        quality=read_quality(folder / TRUTH),
    )
