"""The table of a comparison: a line an arm, as JSON, as Markdown, and as cells."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from memreward.runs.drift import QUARTERS
from memreward.runs.intervals import Intervals
from trainer.rewards import Arm

#: Measures of propagated rewards that are told by quarter of a run.
DRIFT: Final = ("within_query", "ece")


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
    #: By bootstrap over seeds and held-out queries; None where queries were not measured.
    intervals: Intervals | None = None


def as_json(result: ArmResult) -> dict[str, Any]:
    """A line as JSON; null means not defined."""
    return {
        "arm": result.arm.value,
        "labels": result.labels,
        "call_budget": result.calls,
        "seeds": result.seeds,
        **{name: list(pair) for name, pair in result.measures.items()},
        "intervals": None if result.intervals is None else asdict(result.intervals),
    }


def table(results: Sequence[ArmResult]) -> str:
    """The comparison in Markdown, the quality of its rewards, by quarter too, and intervals."""
    tables = [_markdown(*cells(results))]
    if any(result.measures["coverage"][0] is not None for result in results):
        tables.append(_markdown(*quality_cells(results)))
    if (drift := drift_cells(results))[1]:
        tables.append(_markdown(*drift))
    if any(result.intervals is not None for result in results):
        tables.append(_markdown(*interval_cells(results)))
    return "\n\n".join(tables)


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def cells(results: Sequence[ArmResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the comparison; calls are counted where some were budgeted."""
    names = ["before", "after", "share", "unseen_before", "unseen_after", "labels"]
    titles = ["before", "after", "share of the oracle's gain", "held-out family: before", "after"]
    if any("greedy_after" in result.measures for result in results):
        names[2:2] = ["greedy_before", "greedy_after"]
        titles[2:2] = ["likeliest answer: before", "after"]
    titles = ["arm", "labels", *titles, "labels paid"]
    if any(result.calls is not None for result in results):
        names.append("calls")
        titles.append("verifier calls")
    names.append("reward_share")
    titles.append("rewards' share of time")
    rows: list[list[str]] = []
    for result in results:
        texts = {name: shown(*pair) for name, pair in result.measures.items()}
        rows.append([result.arm.value, result.budget, *(texts[name] for name in names)])
    return titles, rows


def quality_cells(results: Sequence[ArmResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the rewards that completions were given, against the truth."""
    names = ["coverage", "auc", "within_query", "ece"]
    titles = ["arm", "labels", "rewarded", "AUROC", "within-query", "ECE"]
    names += ["propagated", *(f"propagated_{name}" for name in names[1:])]
    titles += ["not verified, of these", "their AUROC", "within-query", "ECE"]
    nothing = (None, None)
    rows = [
        [
            result.arm.value,
            result.budget,
            *(shown(*result.measures.get(name, nothing)) for name in names),
        ]
        for result in results
    ]
    return titles, rows


def drift_cells(results: Sequence[ArmResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the propagated rewards by quarter; no rows where none has any."""
    names = [f"{name}_{number + 1}" for name in DRIFT for number in range(QUARTERS)]
    titles = ["arm", "labels", "within-query by quarter: 1st", "2nd", "3rd", "4th"]
    titles += ["ECE: 1st", "2nd", "3rd", "4th"]
    nothing = (None, None)
    rows: list[list[str]] = []
    for result in results:
        pairs = [result.measures.get(name, nothing) for name in names]
        if any(mean is not None for mean, _ in pairs):
            rows.append([result.arm.value, result.budget, *(shown(*pair) for pair in pairs)])
    return titles, rows


def interval_cells(results: Sequence[ArmResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the middle 95 % by bootstrap, and of the power to see a difference."""
    titles = ["arm", "labels", "after", "share of the oracle's gain"]
    titles.append("least visible difference from the oracle")
    rows: list[list[str]] = []
    for result in results:
        found = result.intervals
        if found is not None:
            visible = "n/a" if found.visible is None else f"{found.visible:.3f}"
            row = [result.arm.value, result.budget, span(found.after), span(found.share)]
            rows.append([*row, visible])
    return titles, rows


def span(interval: tuple[float, float] | None) -> str:
    """An interval as text."""
    return "n/a" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def shown(mean: float | None, spread: float | None) -> str:
    """A mean and its spread as text."""
    if mean is None:
        return "n/a"
    return f"{mean:.3f}" if spread is None else f"{mean:.3f} ±{spread:.3f}"
