"""`memreward runs`: who filled a memory, how often each policy is right, and who is believed."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from memreward.base import JsonOption, connected_to, console, err_console
from memreward.cli.care import SomeMemoryOption
from memreward.cli.query import result_table
from memstore import Settings, load_settings
from memstore.changes import list_models
from memstore.db import Stores
from memstore.reads import list_memories, run_stats
from schema.errors import CheckpointError


def runs(
    memory: SomeMemoryOption = None,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Accuracy without the model's predictions.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the runs that share a memory: policy, counts, mean rewards, accuracy.

    Accuracy has a 95 % interval, from the verified rewards and the predictions of all rollouts
    (prediction-powered inference), or from the verified rewards alone (classical). It assumes that
    the verified queries are a random choice of the run's queries. Sources of verified rewards are
    listed as the last training of the memory's model found them.
    """
    settings = load_settings()
    with connected_to(memory, settings) as stores:
        names = [memory] if memory else list_memories(stores)
        found = {
            name: {
                "runs": run_stats(stores, name),
                "accuracy": _accuracies(stores, settings, name, labels_only=labels_only),
                "sources": _sources(stores, settings, name),
            }
            for name in names
        }
    if as_json:
        console.print_data(found)
    else:
        show_runs(found)


def show_runs(found: Mapping[str, Mapping[str, list[dict[str, Any]]]]) -> None:
    """Print the runs, the accuracies and the sources of each memory."""
    for name, tables in found.items():
        console.print(f"memory {name}", markup=False, highlight=False)
        console.print(result_table(tables["runs"]))
        console.print(result_table([_with_interval(row) for row in tables["accuracy"]]))
        if tables["sources"]:
            console.print(result_table(tables["sources"]))


def _accuracies(
    stores: Stores,
    settings: Settings,
    memory: str,
    *,
    labels_only: bool,
) -> list[dict[str, Any]]:
    """A row for each policy of each run."""
    from gnn.jobs import run_accuracies

    try:
        found = run_accuracies(stores, settings, memory, labels_only=labels_only)
    except CheckpointError as error:
        err_console.print(f"accuracy of {memory} without predictions: {error}", soft_wrap=True)
        found = run_accuracies(stores, settings, memory, labels_only=True)
    return [
        {
            "run": item.run,
            "policy": item.policy,
            "n_queries": item.n_queries,
            "n_rollouts": item.n_rollouts,
            **asdict(item.accuracy),
        }
        for item in found
    ]


def _sources(stores: Stores, settings: Settings, memory: str) -> list[dict[str, Any]]:
    """A row for each source, those with the most evidence against them first."""
    if not list_models(stores, memory):
        return []  # Nothing was trained, and what trains need not be imported.
    from gnn.jobs import source_trust

    try:
        trust = source_trust(stores, settings, memory)
    except CheckpointError as error:
        err_console.print(f"sources of {memory} are not known: {error}", soft_wrap=True)
        return []
    if trust is None:
        return []
    return [
        {
            "source": name,
            "labels": trust.sources[name].labels,
            "contradicted": trust.sources[name].contradicted,
            "reliability": trust.sources[name].reliability,
            "verdict": str(trust.sources[name].verdict),
        }
        for name in trust.most_contradicted
    ]


def _with_interval(row: Mapping[str, Any]) -> dict[str, object]:
    accuracy = "-"
    if row["low"] is not None:
        low, high = _share(row["low"]), _share(row["high"])
        accuracy = f"{_share(row['accuracy'])} [{low}, {high}]"
    elif row["accuracy"] is not None:
        accuracy = f"{_share(row['accuracy'])} [too few queries]"
    return {
        "run": row["run"],
        "policy": row["policy"],
        "accuracy": accuracy,
        "method": row["method"],
        "verified queries": f"{row['n_verified_queries']} of {row['n_queries']}",
    }


def _share(value: float) -> str:
    """`.612`, as a share is written in tables."""
    return f"{value:.3f}".removeprefix("0")
