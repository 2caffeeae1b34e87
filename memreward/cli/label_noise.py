"""`memreward robustness`: what wrong labels would cost, and whether they would be found."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memreward.base import bars, console, started
from memstore import load_settings
from schema.errors import InputError

#: Measures that are shown, and their headings.
SHOWN = {"auc": "AUROC", "within_query": "within query", "accuracy": "accuracy", "ece": "ECE"}


def robustness(
    train: Annotated[Path, typer.Argument(help="Rollouts with rewards; a few are shown.")],
    flip: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND:SHARE of the labels made wrong, again for more; KIND is random, length, "
            "dataset or annotator, or source or source-length: one of several named sources, with "
            "that share of the labels, says the opposite, or calls long wrong answers right. "
            "Default: each at .05, .1 and .2."
        ),
    ] = None,
    labels: Annotated[float, typer.Option(help="Share of each dataset's queries labelled.")] = 0.2,
    seeds: Annotated[int, typer.Option(help="Repetitions; the spread is over them.")] = 3,
    text_only: Annotated[bool, typer.Option(help="Ignore the policy's own signals.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Flip some of the labels and score the unlabelled queries: what wrong labels cost.

    Everything goes into a scratch memory, as with `memreward evaluate`.
    """
    from gnn.evaluation import summary
    from memreward.jobs import EvaluationRequest, parse_spoiling, spoil_files

    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise InputError(f"{json_file}: its folder does not exist; make it first")
    spoilings = [parse_spoiling(text) for text in flip] if flip else None
    request = EvaluationRequest(train=train, labels=(labels,), seeds=seeds, text_only=text_only)
    with started(load_settings()) as stores, bars() as progress:
        rows = summary(spoil_files(stores, request, spoilings, progress))
    console.print(_table(rows))
    if json_file is not None:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table()
    for heading in (
        "wrong labels",
        "model",
        *SHOWN.values(),
        "found",
        "found, AUROC",
        "source named",
    ):
        table.add_column(heading)
    for row in sorted(rows, key=lambda row: (row["kind"] != "none", row["kind"], row["share"])):
        table.add_row(
            row["kind"] + (f" {row['share']:.0%}" if row["share"] else ""),
            row["model"],
            *(_number(row[name], row[f"{name}_spread"]) for name in SHOWN),
            _number(row.get("found_precision"), row.get("found_precision_spread")),
            _number(row.get("found_auc"), None),
            "" if row.get("source_named") is None else f"{row['source_named']:.0%}",
        )
    return table


def _number(value: float | None, spread: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if spread is None else f"{value:.3f} ±{spread:.3f}"
