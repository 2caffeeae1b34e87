"""`memreward suggest-labels`: where the next labels help most."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from memreward.base import connected, console
from memreward.cli.ingest import MemoryOption
from memreward.cli.query import result_table
from memstore.reads import read_graph
from schema.errors import InputError
from schema.memory_graph import MemoryGraph

#: Characters of a query's text that the table shows.
SHOWN = 60


def suggest_labels(
    memory: MemoryOption,
    budget: Annotated[int, typer.Option(help="How many queries to label.")],
    out: Annotated[Path | None, typer.Option(help="File for them, one JSON object a line.")] = None,
) -> None:
    """List the queries whose labels would help most; works before the first label, too.

    All rollouts of a query count as labelled when one of them is.
    """
    if out is not None and not out.absolute().parent.is_dir():
        raise InputError(f"{out}: its folder does not exist; make it first")
    with connected() as stores:
        graph = read_graph(stores, memory)
    rows = suggestions(graph, budget)
    shown = ("query_id", "dataset", "why", "query")
    console.print(result_table([{**row, "query": row["query"][:SHOWN]} for row in rows], [*shown]))
    if out is not None:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        out.write_text("".join(lines), encoding="utf-8")
        console.print(f"{len(rows)} queries written to {out}")


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
