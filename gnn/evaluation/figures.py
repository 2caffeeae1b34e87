"""Pictures of an evaluation, drawn without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from gnn.base import ECE_BINS, RIGHT_FROM
from gnn.confidence import RiskCurve
from gnn.evaluation.protocol import Evaluation
from gnn.evaluation.style import band, colour_of
from gnn.evaluation.tables import HEADINGS, parts
from schema.memory_graph import Floats

#: Models that say nothing about single rollouts; they have no curve.
WITHOUT_CURVE: Final = frozenset({"constant"})
#: Places at which curves of several seeds are averaged.
POINTS: Final = 201


def roc_figure(evaluation: Evaluation, set_name: str) -> Figure:
    """ROC curve of each model: mean and spread over seeds."""
    figure, axes = _square("false positive rate", "true positive rate")
    rates_N = np.linspace(0, 1, POINTS)
    for model, seeds in _curves(evaluation, set_name).items():
        rows = []
        for probability_R, reward_R in seeds:
            right_R = reward_R >= RIGHT_FROM
            if 0 < right_R.sum() < len(right_R):
                false_rate, true_rate, _ = roc_curve(right_R, probability_R)
                rows.append(np.interp(rates_N, false_rate, true_rate))
        if rows:
            band(axes, rates_N, np.array(rows), model)
    return _finished(figure, axes)


def reliability_figure(evaluation: Evaluation, set_name: str) -> Figure:
    """Mean reward against mean prediction in equal-width bins, and how many rollouts each holds."""
    figure = Figure(figsize=(4.6, 5.6), layout="constrained")
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(ylabel="observed", xlim=(0, 1), ylim=(0, 1))
    counts.set(xlabel="predicted", ylabel="rollouts", yscale="log")
    middles_B = (np.arange(ECE_BINS) + 0.5) / ECE_BINS
    for model, seeds in _curves(evaluation, set_name).items():
        found = [_bins(*pair) for pair in seeds]
        observed_SB, count_SB = (np.array(part) for part in zip(*found, strict=True))
        band(axes, middles_B, observed_SB, model, style="o-")
        count_B = count_SB.mean(axis=0)
        shown_B = np.where(count_B > 0, count_B, np.nan)
        counts.step(middles_B, shown_B, where="mid", color=colour_of(model))
    return _finished(figure, axes)


def _bins(probability_R: Floats, reward_R: Floats) -> tuple[Floats, Floats]:
    """Mean reward and number of rollouts of every bin; NaN where it is empty."""
    bin_R = np.minimum((probability_R * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    count_B = np.bincount(bin_R, minlength=ECE_BINS)
    total_B = np.bincount(bin_R, weights=reward_R, minlength=ECE_BINS)
    observed_B = np.where(count_B > 0, total_B / np.maximum(count_B, 1), np.nan)
    return observed_B.astype(np.float32), count_B.astype(np.float32)


def coverage_figure(evaluation: Evaluation, set_name: str) -> Figure:
    """Selective risk: errors at .5 among the most confident share of rollouts, over seeds."""
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="coverage: share of rollouts, most confident first", ylabel="selective risk")
    shares_N = np.linspace(0.02, 1, POINTS)
    for model, seeds in _curves(evaluation, set_name).items():
        curves = [RiskCurve.of(*pair) for pair in seeds]
        rows = [np.interp(shares_N, curve.coverage_N, curve.risk_N) for curve in curves]
        band(axes, shares_N, np.array(rows), model)
    axes.set(xlim=(0, 1))
    axes.set_ylim(bottom=0)
    return _finished(figure, axes)


def dataset_figure(rows: Mapping[str, Mapping[str, Any]], measure: str, heading: str) -> Figure:
    """One bar a model for each dataset, with the spread over seeds.

    Args:
        rows: one set of `Evaluation.to_json`: model to row.
        measure: one of gnn.base.metrics.MEASURES.
        heading: what to call it.
    """
    datasets = parts(rows, "by_dataset")
    figure = Figure(figsize=(max(6.0, 1.3 * len(datasets)), 4), layout="constrained")
    axes = figure.subplots()
    _bars(axes, datasets, list(rows), measure)
    axes.set_ylabel(heading)
    axes.tick_params(axis="x", rotation=20)
    return _finished(figure, axes)


def save_summary_figure(result: Mapping[str, Any], set_name: str, path: Path) -> None:
    """Save one picture of a set as PNG: AUROC and within-query ranking by domain.

    Args:
        result: what `Evaluation.to_json` gave.
        set_name: the set to show.
        path: file to write; its folder must exist.
    """
    rows = result["sets"][set_name]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    groups = {"all": rows, **parts(rows, "by_domain")}
    for axes, measure in ((left, "auc"), (right, "within_query")):
        _bars(axes, groups, list(rows), measure)
        axes.set_ylabel(HEADINGS[measure])
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", fontsize=8, ncols=len(names))
    figure.savefig(path, dpi=130)


def call_figure(result: Mapping[str, Any]) -> Figure:
    """One curve a strategy and measure over the share of rollouts verified, with its spread.

    Args:
        result: what `CallCurve.to_json` gave.
    """
    calls = result["calls"]
    shares = [100 * float(share) for share in calls]
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    shown = ("auc", "within_query", "accuracy", "ece")
    names = list(next(iter(calls.values())))
    for axes, measure in zip(figure.subplots(1, len(shown)), shown, strict=True):
        for name in names:
            rows = [found[name] for found in calls.values()]
            values = np.array([row[measure] for row in rows], dtype=float)
            spread = np.array([row[f"{measure}_spread"] or 0 for row in rows], dtype=float)
            style = ":" if name.endswith("counted") else "-"
            colour = colour_of(name)
            axes.plot(shares, values, style, marker="o", markersize=3, label=name, color=colour)
            axes.fill_between(shares, values - spread, values + spread, color=colour, alpha=0.15)
        axes.set(xlabel="% of rollouts verified", ylabel=HEADINGS[measure])
        axes.set_xticks(shares, [f"{share:g}" for share in shares])
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper center", ncols=min(6, len(names)), fontsize=8)
    return figure


def _bars(
    axes: Axes, groups: Mapping[str, Mapping[str, Any]], models: Sequence[str], measure: str
) -> None:
    """For each group (part to model to row) one bar a model, with the spread over seeds."""
    width = 0.8 / len(models)
    for i, model in enumerate(models):
        cells = [group.get(model, {}) for group in groups.values()]
        height = np.array([cell.get(measure) for cell in cells], dtype=float)
        spread = np.array([cell.get(f"{measure}_spread") or 0 for cell in cells], dtype=float)
        place = np.arange(len(groups)) + (i - (len(models) - 1) / 2) * width
        axes.bar(
            place,
            height,
            width,
            yerr=spread,
            label=model,
            color=colour_of(model),
            error_kw={"elinewidth": 0.8},
        )
    axes.axhline(0.5, color="grey", linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set_ylim(0, 1)


def _curves(evaluation: Evaluation, set_name: str) -> dict[str, list[tuple[Floats, Floats]]]:
    """Probabilities and rewards of each model on one set, a pair a seed."""
    curves: dict[str, list[tuple[Floats, Floats]]] = {}
    for model, trials in evaluation.scored.items():
        if model not in WITHOUT_CURVE:
            masks = [evaluation.scorable_R(scored.trial, set_name) for scored in trials]
            curves[model] = [
                (scored.probability_R[in_R], evaluation.truth_R[in_R])
                for scored, in_R in zip(trials, masks, strict=True)
                if in_R.any()
            ]
    return {model: seeds for model, seeds in curves.items() if seeds}


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """A square figure of the unit square with its diagonal."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1))
    return figure, axes


def _finished(figure: Figure, axes: Axes) -> Figure:
    """The figure with a legend, if anything is in it."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
    return figure
