"""How good the rewards are at several label budgets, on the same rollouts."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnn.evaluation.protocol import Evaluation
from gnn.evaluation.style import colour_of
from gnn.evaluation.tables import HEADINGS, best_models, number
from memstore import write_atomically
from schema.errors import InputError

#: Measures that are drawn.
DRAWN: Final = ("auc", "within_query", "ece")
PICTURE_NAME: Final = "budget.png"


@dataclass(frozen=True, kw_only=True)
class BudgetCurve:
    """One evaluation a label share, in rising order; all score the same rollouts."""

    evaluations: Mapping[float, Evaluation]

    def to_json(self) -> dict[str, Any]:
        """What `memreward evaluate --json` writes for several shares: one result a share."""
        return {"budgets": [evaluation.to_json() for evaluation in self.evaluations.values()]}


def print_budgets(result: Mapping[str, Any], console: Console) -> None:
    """For each set and drawn measure a table: models by label share.

    Args:
        result: what `BudgetCurve.to_json` gave.
        console: where to.
    """
    budgets = result["budgets"]
    for set_name in budgets[0]["sets"]:
        for measure in DRAWN:
            title = f"{set_name}: {HEADINGS[measure]} by share of queries labelled"
            table = Table("model", title=title, title_justify="left")
            for budget in budgets:
                table.add_column(f"{budget['labels']:.0%}", justify="right")
            best = [best_models(budget["sets"][set_name], measure) for budget in budgets]
            for model in budgets[0]["sets"][set_name]:
                cells = [number(budget["sets"][set_name][model], measure) for budget in budgets]
                marked = zip(cells, best, strict=True)
                table.add_row(
                    model, *(Text(cell, style="bold" if model in b else "") for cell, b in marked)
                )
            console.print(table)
    console.print(
        f"{budgets[0]['seeds']} seed(s), {sum(b['seconds'] for b in budgets):.0f} s; mean ± "
        "standard deviation over seeds; the same rollouts are scored at every share"
    )


def budget_figure(result: Mapping[str, Any], set_name: str) -> Figure:
    """One curve a model and measure over the share of queries labelled, with its spread.

    Args:
        result: what `BudgetCurve.to_json` gave.
        set_name: the set to show.
    """
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    shares = [100 * budget["labels"] for budget in result["budgets"]]
    for axes, measure in zip(figure.subplots(1, len(DRAWN)), DRAWN, strict=True):
        for model in result["budgets"][0]["sets"][set_name]:
            rows = [budget["sets"][set_name][model] for budget in result["budgets"]]
            values = np.array([row[measure] for row in rows], dtype=float)
            spread = np.array([row[f"{measure}_spread"] or 0 for row in rows], dtype=float)
            colour = colour_of(model)
            axes.plot(shares, values, marker="o", markersize=3, label=model, color=colour)
            axes.fill_between(shares, values - spread, values + spread, color=colour, alpha=0.15)
        axes.set(xlabel="% of queries labelled", ylabel=HEADINGS[measure])
        axes.set_xticks(shares, [f"{share:g}" for share in shares])
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), fontsize=8)
    return figure


def write_budget_report(curve: BudgetCurve, folder: Path, made: Sequence[str] = ()) -> Path:
    """Write `budget.html` and the pictures of its sets into `folder`, made if need be.

    Args:
        curve: what is shown.
        folder: where to.
        made: lines on how it was made: files, command, version, date.

    Returns:
        The page's path.

    Raises:
        InputError: if it cannot be written.
    """
    result, path = curve.to_json(), folder / "budget.html"
    lines = ["<!doctype html><meta charset='utf-8'>"]
    lines.append("<title>memreward: label budget</title><h1>Label budget</h1>")
    lines += [f"<p><code>{escape(line)}</code></p>" for line in made]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place, set_name in enumerate(result["budgets"][0]["sets"]):
            picture = PICTURE_NAME if not place else f"budget-{place}.png"
            budget_figure(result, set_name).savefig(folder / picture, dpi=130)
            lines.append(f"<h2>{escape(set_name)}</h2><img src='{picture}' width='1100'>")
        print_budgets(result, tables := Console(file=io.StringIO(), width=160, record=True))
        text = tables.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
        write_atomically(path, "\n".join([*lines, text]))
    except OSError as error:
        raise InputError(
            f"cannot write the report {path} ({error.strerror}): name another folder"
        ) from error
    return path
