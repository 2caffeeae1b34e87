"""`memreward robustness`: what wrong labels would cost, and whether they would be found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memreward.base import (
    JsonFileOption,
    bars,
    check_json_file,
    console_beside,
    started,
    write_figures,
)
from memstore import load_settings

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
    json_file: JsonFileOption = None,
) -> None:
    """Flip some of the labels and score the unlabelled queries: what wrong labels cost.

    Everything goes into a scratch memory, as with `memreward evaluate`.
    """
    from gnn.evaluation import summary
    from memreward.jobs import EvaluationRequest, parse_spoiling, spoil_files

    check_json_file(json_file)
    spoilings = [parse_spoiling(text) for text in flip] if flip else None
    request = EvaluationRequest(train=train, labels=(labels,), seeds=seeds, text_only=text_only)
    with started(load_settings()) as stores, bars() as progress:
        rows = summary(spoil_files(stores, request, spoilings, progress))
    console_beside(json_file).print(robustness_table(rows))
    write_figures(json_file, rows)


def robustness_table(rows: Sequence[dict[str, Any]]) -> Table:
    """One row a model and kind of wrong labels."""
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
