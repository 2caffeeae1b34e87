"""What a benchmark shows: a table, a picture, a JSON file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from schema.errors import InputError

#: More of them are not legible in a terminal of 80 characters.
MOST_COLUMNS: Final = 8


@dataclass(frozen=True, kw_only=True)
class PlotLine:
    """One line of a picture."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def check_outputs(*paths: Path | None) -> None:
    """Refuse, before hours of work, files that cannot be written.

    Raises:
        InputError: if a folder does not exist.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"{path}: its folder does not exist; make it first")


def print_table(
    console: Console, rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str]
) -> None:
    """Rows as a table: columns by key, with their headings; a line each where they are many."""
    lines = [[cell(row.get(key)) for key in headings] for row in rows]
    heads = list(headings.values())
    if len(heads) > MOST_COLUMNS:
        heads, *lines = (list(line) for line in zip(heads, *lines, strict=True))
    table = Table()
    for heading in heads:
        table.add_column(heading, justify="right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def cell(value: object) -> str:
    """A figure as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def draw_curves(path: Path | None, curves: Sequence[PlotLine], x: str, y: str) -> None:
    """Lines over logarithmic axes, if a file is wanted; points without a number are left out."""
    if path is None:
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        y_N = np.array([np.nan if value is None else value for value in curve.y], np.float64)
        axes.plot(np.asarray(curve.x)[~np.isnan(y_N)], y_N[~np.isnan(y_N)], "o-", label=curve.label)
    axes.set(xlabel=x, ylabel=y, xscale="log", yscale="log")
    axes.legend()
    figure.savefig(path, dpi=150)


def draw_bars(path: Path | None, values: Mapping[str, float], y: str) -> None:
    """One bar a name, if a file is wanted."""
    if path is None:
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.bar(list(values), list(values.values()))
    axes.set(ylabel=y)
    figure.savefig(path, dpi=150)


def percentile(seconds: Sequence[float], share: float) -> float:
    """A percentile of some times."""
    return float(np.percentile(np.asarray(seconds, np.float64), share))
