"""The outcome of a GRPO run, read from its folder: accuracy, labels spent, seconds, a figure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memreward.runs.drift import Quarter, read_drift
from memreward.runs.reward_quality import TRUTH, RewardQuality, read_quality
from schema.score import ScoreSource
from trainer import read_lines
from trainer.rewards import Journal
from trainer.runs import HISTORY, Accuracy, AccuracyCurve
from trainer.tasks import TaskSet

#: Files of a run, next to TRL's own.
JOURNAL, CURVE, REFRESHES = "journal.jsonl", "curve.jsonl", "refreshes.jsonl"
#: Accuracy of the likeliest completion, where it was measured.
GREEDY = "greedy.jsonl"
#: Rows that a curriculum drew.
DRAWN = "drawn.jsonl"


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
    #: Completions that were verified, and those that took a verdict over, of all.
    calls: int
    calls_saved: int
    completions: int
    #: In rewards (with what the memory needs to learn), and in all steps and refreshes.
    reward_seconds: float
    seconds: float
    #: Accuracy of the likeliest completion before and after.
    greedy: tuple[Accuracy, Accuracy] | None = None
    #: Of the rewards, where everything was verified for the report.
    quality: RewardQuality | None = None
    #: Of the propagated ones by quarter of the run; empty where nothing was verified for it.
    drift: Sequence[Quarter] = ()


def read_outcome(folder: Path, training: TaskSet, paid: frozenset[str]) -> GrpoOutcome:
    """The outcome of a finished run, given its tasks and the queries that were labelled before."""
    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    curve = AccuracyCurve(folder / CURVE)
    rewards = sum(entry.get("memreward/seconds", 0.0) for entry in history)
    refreshes = {line["step"]: line["seconds"] for line in read_lines(folder / REFRESHES)}
    learning = sum(refreshes.values())
    text_of = {task.source_query_id: task.query for task in training}
    journal = Journal(folder / JOURNAL)
    verified = {text_of[id_] for id_ in journal.verified}
    return GrpoOutcome(
        folder=folder,
        before=curve.first,
        after=curve.last,
        labels=len(verified - paid),
        queries=len(training),
        calls=journal.count(ScoreSource.VERIFIED),
        calls_saved=journal.count(ScoreSource.SAME_CONCLUSION),
        completions=journal.placed,
        reward_seconds=rewards + learning,
        seconds=sum(entry.get("step_time", 0.0) for entry in history) + learning,
        quality=read_quality(folder / TRUTH),
        drift=read_drift(folder / TRUTH),
    )


def draw_run(folder: Path) -> None:
    """Mean reward and share of rewarded completions by step, and accuracy on held-out tasks."""
    from matplotlib.figure import Figure

    from gnn.evaluation import colour_of

    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    curve = AccuracyCurve(folder / CURVE).points
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, label in (("reward", "mean reward"), ("memreward/coverage", "rewarded")):
        known = [entry for entry in history if entry.get(name) is not None]
        axes.plot(
            [e["step"] for e in known],
            [e[name] for e in known],
            color=colour_of(label),
            label=label,
        )
    steps = sorted(curve)
    means, label = [curve[step].mean for step in steps], "held-out accuracy"
    axes.plot(steps, means, color=colour_of(label), label=label, marker="o")
    axes.set(xlabel="step", ylim=(-0.02, 1.02))
    axes.legend()
    figure.savefig(folder / "run.png", dpi=120)
