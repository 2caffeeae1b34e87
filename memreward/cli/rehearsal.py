"""How rows would be stored, on the screen; and a proposal for files that have another shape."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from rich.table import Table

from memreward.base import console, err_console, excerpt, one_line
from memreward.jobs import DryRun, IngestRequest, cleaning_lines
from memstore.formats import proposed_presets
from schema.errors import InputError, ShapeError

#: Rollouts that are shown, and how much of each text.
SHOWN_ROLLOUTS: Final = 3
SHOWN_CHARACTERS: Final = 300


def show_rehearsal(rehearsal: DryRun, *, as_json: bool) -> None:
    """Print what becomes of the rows: all of them as JSON, or their counts and the first.

    Raises:
        InputError: if a file as a whole cannot be used.
        typer.Exit: if no row can be.
    """
    first: list[dict[str, Any]] = []
    for row in rehearsal.rows(None if as_json else SHOWN_ROLLOUTS):
        if as_json:
            typer.echo(json.dumps(row))
        elif "answer" in row:
            first.append(row)
        elif "error" in row and rehearsal.rejected <= SHOWN_ROLLOUTS:
            err_console.print(f"{row['file']}:{row['line']}: {row['error']}", soft_wrap=True)
    if not as_json:
        console.print(
            f"{rehearsal.good} rollouts, {rehearsal.rejected} rejected rows, {rehearsal.repeated} "
            f"that repeat an earlier one; {rehearsal.rewarded} with a reward; nothing was written",
            soft_wrap=True,
        )
        for line in cleaning_lines(rehearsal.cleaned, rehearsal.left_out, rehearsal.untidy_queries):
            console.print(line, soft_wrap=True)
        if rehearsal.ignored_columns:
            names = ", ".join(map(one_line, sorted(rehearsal.ignored_columns)))
            console.print(f"columns not used: {names}", soft_wrap=True)
        for row in first:
            show_row(row)
    if not rehearsal.good:
        raise typer.Exit(2)


def propose(
    command: str, request: IngestRequest, given: Sequence[Path], error: ShapeError
) -> NoReturn:
    """Refuse files of another shape; say which command would read them, and how they would be.

    Args:
        command: which reads them.
        request: what was asked for.
        given: its files as they were named.
        error: why they cannot be read as they are.

    Raises:
        InputError: always.
    """
    presets = proposed_presets(error.path)
    if not presets:
        raise error
    first = presets[0]
    words = ["memreward", command, *map(str, given), "--format", first.name]
    if first.prompts_key is not None:
        words += ["--prompts", "PROMPTS.jsonl"]
    for option, value in (("--memory", request.memory), ("--run", request.run)):
        words += [option, value] if value else []
    others = ", ".join(preset.name for preset in presets[1:])
    also = f" (its columns fit {others}, too)" if others else ""
    if first.prompts_key is None:
        shape = replace(request.shape, format=first.name)
        rehearsal = DryRun(request=replace(request, files=[error.path], shape=shape))
        console.print(f"{first.title}, as they would be stored:", soft_wrap=True)
        for row in islice(rehearsal.rows(), SHOWN_ROLLOUTS):
            show_row(row)
    raise InputError(
        f"{error.path} has other columns than the input format; it looks like {first.name}{also}. "
        f"Nothing was stored. If the rollouts above are right, run\n  {shlex.join(words)}"
    ) from error


def show_row(row: Mapping[str, Any]) -> None:
    """Print a rollout as it would be stored."""
    table = Table(show_header=False)
    for name, value in row.items():
        text = "" if value is None else str(value)
        table.add_row(name, excerpt(text, SHOWN_CHARACTERS))
    console.print(table)
