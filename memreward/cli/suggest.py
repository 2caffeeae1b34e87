"""`memreward suggest-labels`: where the next labels help most."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memreward.base import (
    JsonOption,
    as_started,
    check_json_file,
    connected_to,
    console,
    err_console,
    excerpt,
)
from memreward.cli.ingest import MemoryOption
from memreward.cli.query import result_table
from memstore import Settings, load_settings
from memstore.db import Stores
from memstore.reads import answers_of
from schema.errors import InputError


class Unit(StrEnum):
    """What a label is given to."""

    QUERY = "query"
    CONCLUSION = "conclusion"


def suggest_labels(
    memory: MemoryOption,
    budget: Annotated[int, typer.Option(help="How many to label.")],
    unit: Annotated[
        Unit, typer.Option(help="What is labelled: whole queries, or conclusions.")
    ] = Unit.QUERY,
    out: Annotated[
        Path | None,
        typer.Option(help="File to fill in: .csv, or one JSON object a line."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the queries or conclusions whose labels would help most, also before the first label.

    All rollouts of a query count as labelled when one of them is. The file has a row for each of
    these rollouts, or for each conclusion, with an empty `reward`: fill in what you can, and give
    it to `memreward label`, which leaves the other rows out.
    """
    _check_new(out)
    settings = load_settings()
    with connected_to(memory, settings) as stores:
        if unit is Unit.QUERY:
            from gnn.jobs import suggest_whole_queries

            found = suggest_whole_queries(stores, memory, budget)
            rows = rollout_rows(stores, memory, found)
        else:
            rows = found = _conclusions(stores, settings, memory, budget)
    if as_json:
        console.print_data(found)
    else:
        console.print(suggestion_table(found, unit))
    if out is not None:
        _write(out, rows)
        many = f"{len(found)} {'queries' if unit is Unit.QUERY else 'conclusions'}"
        said = f"{many} written to {out}, {len(rows)} rows"
        err_console.print(said + (_what_next(out, memory) if rows else ""), soft_wrap=True)


def _what_next(out: Path, memory: str) -> str:
    command = as_started(f"label {out} --memory {memory} --annotator YOU")
    return f": fill in `reward`, then\n  {command}"


def suggestion_table(found: Sequence[Mapping[str, Any]], unit: Unit) -> Table:
    """What to label, one row each."""
    if unit is Unit.QUERY:
        shown = [
            {
                "query_id": row["query_id"],
                "dataset": row["dataset"],
                "rollouts": len(row["rollouts"]),
                "why": row["why"],
                "query": excerpt(row["query"]),
            }
            for row in found
        ]
    else:
        shown = [
            {
                "query_id": row["query_id"],
                "dataset": row["dataset"],
                "rollouts": row["rollouts"],
                "gain": row["gain"],
                "conclusion": excerpt(row["conclusion"] or ""),
                "query": excerpt(row["query"]),
            }
            for row in found
        ]
    return result_table(shown)


def _conclusions(
    stores: Stores, settings: Settings, memory: str, budget: int
) -> list[dict[str, Any]]:
    """The suggested conclusions, as rows that `memreward label` takes back."""
    from gnn.jobs import suggest_conclusions

    found = suggest_conclusions(stores, settings, memory, budget)
    return [{"unit": Unit.CONCLUSION.value, **asdict(item), "reward": None} for item in found]


def _check_new(path: Path | None) -> None:
    """Refuse a file that is there: somebody may have filled it in."""
    check_json_file(path)
    if path is not None and (path.exists() or path.is_symlink()):
        raise InputError(
            f"{path}: exists, and may hold labels that you filled in: name a new file with --out"
        )


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def rollout_rows(
    stores: Stores, memory: str, found: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rollouts of suggested queries, as rows that `memreward label` takes back."""
    ids = [rollout["rollout_id"] for row in found for rollout in row["rollouts"]]
    answers = answers_of(stores, memory, ids)
    return [
        {
            "unit": "rollout",
            **rollout,
            "dataset": row["dataset"],
            "query": row["query"],
            "answer": answers[rollout["rollout_id"]],
            "reward": None,
        }
        for row in found
        for rollout in row["rollouts"]
    ]
