"""The comparison: arms from the same start, on the same prompts, measured on the same tasks.

One folder, which holds a folder for each run; runs that are finished are not run again, so a
comparison can be stopped and gone on with at any time.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gnn.base import mean_and_spread
from memreward.base import Bars, err_console
from memreward.jobs.grpo import GrpoRequest, ScorerSource, run_grpo
from memreward.jobs.grpo_outcome import CURVE, GrpoOutcome
from memstore import write_atomically
from trainer.rewards import Arm
from trainer.runs import Accuracy, AccuracyCurve

#: Opens the memory of a run, given the name of its folder and whether verdicts are taken over.
OpenMemory = Callable[[str, bool], AbstractContextManager[ScorerSource]]


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What `memreward compare` was asked for."""

    name: str
    arms: Sequence[Arm]
    seeds: int
    labels: Sequence[float]
    #: Shares of completions that may be verified, for further runs of the arm memreward.
    calls: Sequence[float] = ()
    #: What all runs have in common; its arm, labels and seed are those of each run.
    run: GrpoRequest


@dataclass(frozen=True, kw_only=True)
class ArmRun:
    """One run of the comparison; labels 1 for the oracle, 0 where calls are budgeted."""

    arm: Arm
    labels: float
    seed: int
    calls: float | None = None

    @property
    def folder(self) -> str:
        """Its folder within that of the comparison."""
        if self.calls is not None:
            return f"{self.arm}-calls-{100 * self.calls:g}-seed{self.seed}"
        return f"{self.arm}-{round(100 * self.labels)}-seed{self.seed}"

    @property
    def budget(self) -> str:
        """What may be verified."""
        return f"{self.labels:.0%}" if self.calls is None else f"{self.calls:.0%} of calls"


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One line of the table: mean and sample standard deviation over seeds."""

    arm: Arm
    labels: float
    calls: float | None = None
    budget: str
    seeds: int
    #: Measure to (mean, standard deviation); None where it is not defined.
    measures: dict[str, tuple[float | None, float | None]]


def planned(request: CompareRequest) -> list[ArmRun]:
    """All runs, seed after seed; the oracle's does not depend on a share of labels."""
    runs: list[ArmRun] = []
    for seed in range(request.seeds):
        runs += [
            ArmRun(arm=arm, labels=1.0 if arm is Arm.ORACLE else labels, seed=seed)
            for number, labels in enumerate(request.labels)
            for arm in request.arms
            if arm is not Arm.ORACLE or number == 0
        ]
        runs += [
            ArmRun(arm=Arm.MEMREWARD, labels=0.0, seed=seed, calls=share) for share in request.calls
        ]
    return runs


def compare(
    request: CompareRequest, folder: Path, open_memory: OpenMemory, progress: Bars
) -> list[ArmResult]:
    """Make all runs that are not finished yet, then the table and the curves.

    Raises:
        InputError: if tasks or policy cannot be used, or a run's folder holds another run.
        RewardError: if a run's rewards cannot be given as promised.
    """
    runs = planned(request)
    outcomes: dict[ArmRun, GrpoOutcome] = {}
    for number, run in enumerate(runs):
        progress("runs", number, len(runs))
        one = replace(
            request.run,
            arm=run.arm,
            labels=run.labels,
            calls=run.calls,
            options=replace(request.run.options, seed=run.seed),
        )
        _same_start(folder, run)
        err_console.print(run.folder, highlight=False)
        if run.arm is Arm.MEMREWARD:
            with open_memory(run.folder, one.budgets_calls) as source:
                outcomes[run] = run_grpo(one, folder / run.folder, source, progress)
        else:
            outcomes[run] = run_grpo(one, folder / run.folder, None, progress)
        progress("runs", number + 1, len(runs))
    results = summarise(outcomes, request.run.held_families)
    lines = [as_json(result) for result in results]
    write_atomically(folder / "comparison.json", json.dumps(lines, indent=1))
    draw_curves(outcomes, folder / "curves.png")
    return results


def _same_start(folder: Path, run: ArmRun) -> None:
    """What was measured before the first step of another arm with this seed holds here too."""
    own = folder / run.folder
    own.mkdir(parents=True, exist_ok=True)
    if (own / CURVE).exists():
        return
    for other in sorted(folder.glob(f"*-seed{run.seed}/{CURVE}")):
        start = AccuracyCurve(other).points.get(0)
        if start is not None:
            AccuracyCurve(own / CURVE).add(start)
            return


def summarise(outcomes: dict[ArmRun, GrpoOutcome], families: Sequence[str] = ()) -> list[ArmResult]:
    """One line for each arm and share of labels, in the order of the runs."""
    oracle = {run.seed: out for run, out in outcomes.items() if run.arm is Arm.ORACLE}
    values: defaultdict[ArmRun, list[dict[str, float]]] = defaultdict(list)
    for run, out in outcomes.items():
        before, after = parts(out.before, families), parts(out.after, families)
        gain = after[0] - before[0]
        best = float("nan")
        if run.seed in oracle:
            whole = oracle[run.seed]
            best = parts(whole.after, families)[0] - parts(whole.before, families)[0]
        values[replace(run, seed=0)].append(
            {
                "before": before[0],
                "after": after[0],
                "gain": gain,
                "share": gain / best if best > 0 else float("nan"),
                "unseen_before": before[1],
                "unseen_after": after[1],
                "labels": out.labels,
                "calls": out.calls,
                "reward_share": out.reward_seconds / out.seconds if out.seconds else float("nan"),
                "seconds": out.seconds,
            }
        )
    return [
        ArmResult(
            arm=run.arm,
            labels=run.labels,
            calls=run.calls,
            budget=run.budget,
            seeds=len(rows),
            measures={name: mean_and_spread([row[name] for row in rows]) for name in rows[0]},
        )
        for run, rows in values.items()
    ]


def parts(accuracy: Accuracy, families: Sequence[str]) -> tuple[float, float]:
    """Mean over families that were trained on, and over those that were held out altogether."""
    seen = [mean for name, mean in accuracy.families.items() if name not in families]
    unseen = [mean for name, mean in accuracy.families.items() if name in families]
    return (
        float(np.mean(seen)) if seen else float("nan"),
        float(np.mean(unseen)) if unseen else float("nan"),
    )


def as_json(result: ArmResult) -> dict[str, Any]:
    """A line as JSON; null means not defined."""
    return {
        "arm": result.arm.value,
        "labels": result.labels,
        "call_budget": result.calls,
        "seeds": result.seeds,
        **{name: list(pair) for name, pair in result.measures.items()},
    }


def table(results: Sequence[ArmResult]) -> str:
    """The comparison in Markdown."""
    titles, rows = cells(results)
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def cells(results: Sequence[ArmResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the comparison; calls are counted where some were budgeted."""
    names = ["before", "after", "share", "unseen_before", "unseen_after", "labels"]
    titles = ["before", "after", "share of the oracle's gain", "held-out family: before", "after"]
    titles = ["arm", "labels", *titles, "labels paid"]
    if any(result.calls is not None for result in results):
        names.append("calls")
        titles.append("verifier calls")
    names.append("reward_share")
    titles.append("rewards' share of time")
    rows: list[list[str]] = []
    for result in results:
        shown = {name: _shown(*pair) for name, pair in result.measures.items()}
        rows.append([result.arm.value, result.budget, *(shown[name] for name in names)])
    return titles, rows


def _shown(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return "n/a"
    return f"{mean:.3f}" if spread is None else f"{mean:.3f} ±{spread:.3f}"


def draw_curves(outcomes: dict[ArmRun, GrpoOutcome], path: Path) -> None:
    """Accuracy on held-out tasks by step, mean over seeds, one line an arm and share of labels."""
    from matplotlib.figure import Figure

    lines: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run, out in outcomes.items():
        name = run.arm.value if run.arm is Arm.ORACLE else f"{run.arm}, {run.budget}"
        for step, point in AccuracyCurve(out.folder / CURVE).points.items():
            lines[name][step].append(point.mean)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, points in lines.items():
        steps = sorted(points)
        axes.plot(steps, [float(np.mean(points[step])) for step in steps], label=name, marker=".")
    axes.set(xlabel="step", ylabel="accuracy on held-out tasks")
    axes.legend()
    figure.savefig(path, dpi=120)
