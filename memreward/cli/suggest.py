"""`memreward suggest-labels`: where the next labels help most."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from memreward.base import connected, console
from memreward.cli.ingest import MemoryOption
from memreward.cli.query import result_table
from memstore import Settings, load_settings
from memstore.db import Stores
from memstore.reads import read_graph
from schema.errors import InputError
from schema.memory_graph import MemoryGraph


class Unit(StrEnum):
    """What a label is given to."""

    QUERY = "query"
    CONCLUSION = "conclusion"


#: Characters of a query's text that the table shows.
SHOWN = 60


def suggest_labels(
    memory: MemoryOption,
    budget: Annotated[int, typer.Option(help="How many to label.")],
    unit: Annotated[
        Unit, typer.Option(help="What is labelled: whole queries, or conclusions.")
    ] = Unit.QUERY,
    out: Annotated[
        Path | None, typer.Option(help="File for them: .csv, or one JSON object a line.")
    ] = None,
) -> None:
    """List the queries or conclusions whose labels would help most, also before the first label.

    All rollouts of a query count as labelled when one of them is. Of conclusions the file has an
    empty `reward` each, to be filled in and given to `memreward label`.
    """
    if out is not None and not out.absolute().parent.is_dir():
        raise InputError(f"{out}: its folder does not exist; make it first")
    settings = load_settings()
    with connected(settings) as stores:
        if unit is Unit.QUERY:
            rows = suggestions(read_graph(stores, memory), budget)
            shown, many = ("query_id", "dataset", "why", "query"), "queries"
        else:
            rows = _conclusions(stores, settings, memory, budget)
            shown, many = ("rollouts", "gain", "dataset", "conclusion", "query"), "conclusions"
    short = [{**row, "query": row["query"][:SHOWN]} for row in rows]
    console.print(result_table(short, [*shown]))
    if out is not None:
        _write(out, rows)
        console.print(f"{len(rows)} {many} written to {out}")


def _conclusions(
    stores: Stores, settings: Settings, memory: str, budget: int
) -> list[dict[str, Any]]:
    """The suggested conclusions, as rows that `memreward label` takes back."""
    from gnn.jobs import suggest_conclusions

    found = suggest_conclusions(stores, settings, memory, budget)
    return [{"unit": Unit.CONCLUSION.value, **asdict(item), "reward": None} for item in found]


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def suggestions(graph: MemoryGraph, budget: int) -> list[dict[str, Any]]:
    """The suggested queries of a memory, each with its reason and the ids of its rollouts."""
    from gnn.labelling import suggest_queries

    query_R = graph.query_of_rollout_R
    labelled_Q = np.zeros(len(graph.query_id_Q), dtype=np.bool_)
    labelled_Q[query_R[graph.labelled_R & (query_R >= 0)]] = True
    rows: list[dict[str, Any]] = []
    for item in suggest_queries(graph.query_embedding_QD, labelled_Q, budget):
        why = f"represents {item.stands_for}"
        if item.nearest_label is not None:
            why += f", nearest label at cosine {item.nearest_label:.2f}"
        rollouts = np.flatnonzero(query_R == item.query).tolist()
        rows.append(
            {
                "query_id": graph.query_id_Q[item.query],
                "dataset": graph.dataset_Q[item.query],
                "why": why,
                "query": graph.query_text_Q[item.query],
                "rollouts": [graph.rollout_id_R[row] for row in rollouts],
            }
        )
    return rows
