"""`memreward ingest` and `memreward link`."""

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from memreward.base import bars, cell, connected, console, err_console, one_line
from memreward.cli.rejects_option import RejectsOption, rejects_path
from memreward.jobs import DryRun, IngestRequest, ingest_files
from memstore.changes import link as link_memory
from memstore.encoders import DEFAULT_ENCODER
from schema.errors import InputError

#: Rollouts that a dry run shows, and how much of each text.
SHOWN_ROLLOUTS: Final = 3
SHOWN_CHARACTERS: Final = 300

MemoryOption = Annotated[str, typer.Option("--memory", "-m", help="Name of the memory.")]


class Prefer(StrEnum):
    """Columns of which a row should have one."""

    ANSWER = "answer"
    COMPLETION = "completion"


def ingest(
    files: Annotated[list[Path], typer.Argument(help="JSONL, JSONL.gz, Parquet or CSV files.")],
    memory: Annotated[
        str, typer.Option("--memory", "-m", help="Name of the memory; needed without --dry-run.")
    ] = "",
    run: Annotated[
        str, typer.Option(help="Name of the run that made the rollouts; needed without --dry-run.")
    ] = "",
    policy: Annotated[str | None, typer.Option(help="Policy of rows that name none.")] = None,
    labels: Annotated[
        float | None,
        typer.Option(help="Store the rewards of this share of each dataset's queries only."),
    ] = None,
    label_seed: Annotated[int, typer.Option(help="Random seed for choosing those queries.")] = 0,
    encoder: Annotated[
        str, typer.Option(help="Encoder of the embeddings in files that name none.")
    ] = DEFAULT_ENCODER,
    rejects: RejectsOption = None,
    skip_rejected: Annotated[
        bool, typer.Option(help="Ingest the good rows although others are rejected.")
    ] = False,
    prefer: Annotated[
        Prefer | None,
        typer.Option(help="Which one the policy wrote, where rows have `answer` and `completion`."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how rows would be stored; needs no server.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: one JSON object a row.")
    ] = False,
) -> None:
    """Read rollouts into a memory; the same files again add nothing."""
    request = IngestRequest(
        files=files,
        memory=memory,
        run=run,
        policy=policy,
        labels=labels,
        label_seed=label_seed,
        file_encoder=encoder,
        rejects=rejects,
        skip_rejected=skip_rejected,
        prefer=None if prefer is None else prefer.value,
    )
    if dry_run:
        _rehearse(DryRun(request=request), as_json=as_json)
        return
    if as_json:
        raise InputError("--json goes with --dry-run: leave it out, or add --dry-run")
    for name, option in ((memory, "--memory"), (run, "--run")):
        if not name:
            raise InputError(f"{option} is missing: name it, or add --dry-run to write nothing")
    request = replace(request, rejects=rejects_path(rejects, "ingest"))
    with connected() as stores, bars() as progress:
        outcome = ingest_files(stores, request, progress)
    for line in outcome.lines():
        console.print(line)


def _rehearse(rehearsal: DryRun, *, as_json: bool) -> None:
    """Print what becomes of the rows: all of them as JSON, or their counts and the first."""
    first: list[dict[str, Any]] = []
    for row in rehearsal.rows():
        if as_json:
            typer.echo(json.dumps(row))
        elif len(first) < SHOWN_ROLLOUTS and "answer" in row:
            first.append(row)
        elif "error" in row and rehearsal.rejected <= SHOWN_ROLLOUTS:
            err_console.print(f"{row['file']}:{row['line']}: {row['error']}", soft_wrap=True)
    if not as_json:
        console.print(
            f"{rehearsal.good} rollouts, {rehearsal.rejected} rejected rows, {rehearsal.repeated} "
            f"that repeat an earlier one; {rehearsal.rewarded} with a reward; nothing was written",
            soft_wrap=True,
        )
        if rehearsal.ignored_columns:
            names = ", ".join(map(one_line, sorted(rehearsal.ignored_columns)))
            console.print(f"columns not used: {names}", soft_wrap=True)
        for row in first:
            table = Table(show_header=False)
            for name, value in row.items():
                text = "" if value is None else str(value)
                table.add_row(name, cell(text[:SHOWN_CHARACTERS]))
            console.print(table)
    if not rehearsal.good:
        raise typer.Exit(2)


def link(
    memory: MemoryOption,
    neighbours: Annotated[
        int | None, typer.Option("--neighbours", "-k", help="Edges a query; default: as before.")
    ] = None,
) -> None:
    """Recompute every query's nearest neighbours as a new generation of SIMILAR_TO edges."""
    with connected() as stores, bars() as progress:
        edges = link_memory(
            stores,
            memory,
            neighbours,
            lambda done, total: progress("link queries", done, total),
        )
    console.print(f"{edges} SIMILAR_TO edges in memory {memory}")
