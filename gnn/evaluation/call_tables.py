"""Budgets of calls as tables, a sentence, a picture and a page."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnn.evaluation.call_budget import OWN
from gnn.evaluation.figures import call_figure
from gnn.evaluation.tables import HEADINGS, best_models, number
from memstore import write_atomically
from schema.errors import InputError

PICTURE: Final = "calls.png"
#: Measures in the tables.
SHOWN: Final = ("auc", "within_query", "accuracy", "ece")


def print_calls(result: Mapping[str, Any], console: Console) -> None:
    """Two tables a budget, all rollouts and those never verified; the domains; a sentence.

    Args:
        result: what `CallCurve.to_json` gave.
        console: where to.
    """
    for share, rows in result["calls"].items():
        spent = {name: {key: row[key] for key in ("calls", "saved")} for name, row in rows.items()}
        never = {name: {**row["never_verified"], **spent[name]} for name, row in rows.items()}
        for over, found in (("all rollouts", rows), ("those never verified", never)):
            title = f"{float(share):.0%} of the rollouts verified: {over}"
            console.print(_table(title, found))
    console.print(_domains(result))
    console.print(sentence(result))
    console.print(agreement(result))
    console.print(
        f"{result['rollouts']} rollouts, {result['seeds']} seed(s), {result['seconds']:.0f} s; "
        "mean ± standard deviation over seeds"
    )


def sentence(result: Mapping[str, Any]) -> str:
    """What the smallest budget gave, and how many calls the best other strategy needs for it."""
    calls = result["calls"]
    share = min(calls, key=float)
    own, rows = calls[share][OWN], calls[share]
    text = (
        f"With {float(share):.0%} of the rollouts verified ({own['calls']:.0f} calls, which settle "
        f"{own['saved']:.0f} more), the rewards of all rollouts have AUROC {own['auc']:.3f}, "
        f"within-query {own['within_query']:.3f} and accuracy {own['accuracy']:.3f}"
    )
    others = {name: row for name, row in rows.items() if name != OWN}
    if not others:
        return text + "."
    name = max(others, key=lambda other: others[other]["auc"])
    enough = [s for s, found in calls.items() if found[name]["auc"] >= own["auc"]]
    reached = f"needs {min(map(float, enough)):.0%}" if enough else "does not reach that here"
    return f"{text}; the next best strategy by AUROC, {name}, {reached}."


def agreement(result: Mapping[str, Any]) -> str:
    """How far the verdicts that were taken over hold, by domain, at the largest budget."""
    share = max(result["calls"], key=float)
    parts = result["calls"][share][OWN]["by_domain"]
    said = [
        f"{name} {row['agreement']:.1%}"
        for name, row in parts.items()
        if row["agreement"] is not None
    ]
    if not said:
        return "No verdict was taken over."
    return f"Verdicts taken over that a call would have confirmed: {', '.join(said)}."


def write_calls_report(result: Mapping[str, Any], folder: Path) -> Path:
    """Write `calls.html` and its picture into `folder`, made if need be.

    Returns:
        The page's path.

    Raises:
        InputError: if it cannot be written.
    """
    path = folder / "calls.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        call_figure(result).savefig(folder / PICTURE, dpi=130)
        print_calls(result, tables := Console(file=io.StringIO(), width=160, record=True))
        text = tables.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
        head = "<!doctype html><meta charset='utf-8'><title>memreward: calls</title>"
        lines = [f"{head}<h1>Budgets of calls</h1>", f"<p>{escape(sentence(result))}</p>"]
        write_atomically(path, "\n".join([*lines, f"<img src='{PICTURE}' width='1100'>", text]))
    except OSError as error:
        raise InputError(
            f"cannot write the report {path} ({error.strerror}): name another folder"
        ) from error
    return path


def _table(title: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("strategy", title=title, title_justify="left")
    for heading in (*(HEADINGS[name] for name in SHOWN), "calls", "saved"):
        table.add_column(heading, justify="right")
    best = {measure: best_models(rows, measure) for measure in SHOWN}
    for name, row in rows.items():
        cells = [Text(number(row, m), style="bold" if name in best[m] else "") for m in SHOWN]
        table.add_row(name, *cells, f"{row['calls']:.0f}", f"{row['saved']:.0f}")
    return table


def _domains(result: Mapping[str, Any]) -> Table:
    """AUROC and within-query ranking of this project's strategy by domain and budget."""
    calls = result["calls"]
    title = f"{OWN} by domain: AUROC / within query / ECE"
    table = Table("domain", title=title, title_justify="left")
    for share in calls:
        table.add_column(f"{float(share):.0%}", justify="right")
    for domain in next(iter(calls.values()))[OWN]["by_domain"]:
        found = [rows[OWN]["by_domain"][domain] for rows in calls.values()]
        table.add_row(
            domain,
            *(
                " / ".join(
                    "n/a" if row[name] is None else f"{row[name]:.3f}"
                    for name in ("auc", "within_query", "ece")
                )
                for row in found
            ),
        )
    return table
