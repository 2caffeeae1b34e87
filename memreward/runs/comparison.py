"""The comparison: arms from the same start, on the same prompts, measured on the same tasks.

One folder, which holds a folder for each run; runs that are finished are not run again, so a
comparison can be stopped and gone on with at any time.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from memreward.base import Bars, err_console, how_made
from memreward.runs.comparison_page import write_page
from memreward.runs.comparison_table import ArmResult, as_json
from memreward.runs.grpo import run_grpo
from memreward.runs.grpo_outcome import CURVE, GREEDY, GrpoOutcome
from memreward.runs.offline import run_offline
from memreward.runs.run_request import GrpoRequest, ScorerSource
from memreward.runs.summary import ArmRun, summarise
from memstore import write_atomically
from trainer.datasets import RIGHT_FROM
from trainer.rewards import Arm
from trainer.runs import AccuracyCurve, Method

#: Of lines of one colour.
STYLES = ("-", "--", ":", "-.")
#: Opens the memory of a run, given the name of its folder and whether verdicts are taken over.
OpenMemory = Callable[[str, bool], AbstractContextManager[ScorerSource]]
#: Makes a run in a folder, with the source of its opinions.
RunOne = Callable[[GrpoRequest, Path, ScorerSource | None, Bars], GrpoOutcome]


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What `memreward compare` was asked for."""

    name: str
    arms: Sequence[Arm]
    seeds: int
    labels: Sequence[float]
    #: Shares of completions that may be verified, for further runs of the arm memreward.
    calls: Sequence[float] = ()
    #: How the policy learns from rewards.
    method: Method = Method.GRPO
    #: A propagated reward from here on is right, where the policy learns from samples.
    right_from: float = RIGHT_FROM
    #: Whether everything is verified once more, to tell how good the rewards were.
    quality: bool = True
    #: What all runs have in common; its arm, labels and seed are those of each run.
    run: GrpoRequest


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
    """Make all runs that are not finished yet, then the curves, the page and the tables.

    Raises:
        InputError: if tasks or policy cannot be used, or a run's folder holds another run.
        RewardError: if a run's rewards cannot be given as promised.
    """
    runs, run_one = planned(request), _runner(request, folder)
    outcomes: dict[ArmRun, GrpoOutcome] = {}
    for number, run in enumerate(runs):
        progress("runs", number, len(runs))
        one = replace(
            request.run,
            arm=run.arm,
            labels=run.labels,
            calls=run.calls,
            options=replace(request.run.options, seed=run.seed),
            watched=request.quality,
        )
        _same_start(folder, run)
        err_console.print(run.folder, highlight=False)
        if run.arm is Arm.MEMREWARD:
            with open_memory(run.folder, one.budgets_calls) as source:
                outcomes[run] = run_one(one, folder / run.folder, source, progress)
        else:
            outcomes[run] = run_one(one, folder / run.folder, None, progress)
        progress("runs", number + 1, len(runs))
    results = summarise(outcomes, request.run.held_families)
    lines = [as_json(result) for result in results]
    write_atomically(folder / "comparison.json", json.dumps(lines, indent=1))
    draw_curves(outcomes, folder / "curves.png")
    write_page(results, how_made(), folder)
    return results


def _runner(request: CompareRequest, folder: Path) -> RunOne:
    """What makes one run of a comparison in `folder`."""
    if request.method is Method.GRPO:
        return run_grpo
    return partial(
        run_offline,
        method=request.method,
        samples=folder / "samples.jsonl",
        right_from=request.right_from,
    )


def _same_start(folder: Path, run: ArmRun) -> None:
    """What was measured before the first step of another arm with this seed holds here too."""
    own = folder / run.folder
    own.mkdir(parents=True, exist_ok=True)
    for name in (CURVE, GREEDY):
        if (own / name).exists():
            continue
        for other in sorted(folder.glob(f"*-seed{run.seed}/{name}")):
            start = AccuracyCurve(other).points.get(0)
            if start is not None:
                AccuracyCurve(own / name).add(start)
                break


def draw_curves(outcomes: dict[ArmRun, GrpoOutcome], path: Path) -> None:
    """Accuracy on held-out tasks by step: mean and spread over seeds, a line an arm and budget."""
    from matplotlib.figure import Figure

    from gnn.evaluation import band

    curves: defaultdict[str, list[dict[int, float]]] = defaultdict(list)
    for run, out in outcomes.items():
        name = run.arm.value if run.arm is Arm.ORACLE else f"{run.arm}, {run.budget}"
        points = AccuracyCurve(out.folder / CURVE).points
        curves[name].append({step: point.mean for step, point in points.items()})
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    styles: Counter[str] = Counter()  # Budgets of one arm share its colour.
    for name, seeds in curves.items():
        arm = name.partition(",")[0]
        steps = sorted({step for points in seeds for step in points})
        values_SN = np.array([[points.get(step, np.nan) for step in steps] for points in seeds])
        band(axes, np.array(steps), values_SN, name, style=STYLES[styles[arm] % len(STYLES)])
        styles[arm] += 1
    axes.set(xlabel="step", ylabel="accuracy on held-out tasks")
    axes.legend()
    figure.savefig(path, dpi=120)
