"""`memreward stats` and `memreward query`: looking into the memory."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from memreward.base import (
    JsonOption,
    cell,
    connected,
    connected_pairs,
    console,
    err_console,
    number_cell,
    one_line,
)
from memstore.reads import list_memories, memory_stats
from memstore.shards import places_of
from schema.errors import InputError

QUERY_TIMEOUT_S = 30.0
#: Columns of the table of data sets, and their headings.
_OF_A_DATASET: Final = {
    "domain": "domain",
    "dataset": "dataset",
    "queries": "queries",
    "rollouts": "rollouts",
    "verified": "verified",
    "mean_verified": "their mean",
    "propagated": "propagated",
    "mean_propagated": "their mean",
}


def stats(
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name; without it, all are listed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a memory holds, in all and per dataset."""
    with connected_pairs() as pairs:
        if memory is not None:
            places = places_of(pairs, memory)
        else:
            places = [(stores, name) for stores in pairs for name in list_memories(stores)]
        found = {name: memory_stats(stores, name) for stores, name in places}
    if as_json:
        console.print_data(found)
        return
    show_stats(found, with_datasets=memory is not None)


def show_stats(found: Mapping[str, dict[str, Any]], *, with_datasets: bool) -> None:
    """Print what each memory holds; of one that was asked for, its data sets."""
    if not found:
        console.print("there is no memory yet: `memreward ingest FILE... --memory NAME --run RUN`")
    for name, stat in found.items():
        console.print(f"memory {name}")
        console.print(_facts(stat["counts"]))
        console.print(_calls(stat["calls"]), highlight=False)
        if with_datasets and stat["datasets"]:
            console.print(_datasets(stat["datasets"]))


def query(
    cypher: Annotated[str, typer.Argument(help="A Cypher query that only reads.")],
    parameters: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="name=value; value may be JSON.")
    ] = None,
    as_json: JsonOption = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", help="Seconds until the query is cancelled.")
    ] = QUERY_TIMEOUT_S,
) -> None:
    """Ask Neo4j in Cypher, in a read-only transaction.

    This is an administrator's tool: it sees every memory, so match on `memory` yourself.
    """
    with connected() as stores:
        result = stores.graph.query(cypher, _parameters(parameters or []), timeout_s)
    for remark in result.notifications:
        err_console.print(f"Neo4j: {remark}")
    if as_json:
        console.print_data(result.rows)
    else:
        console.print(result_table(result.rows, result.columns))
        if not result.rows:
            err_console.print("0 rows")


def _parameters(given: list[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise InputError(f"-p {item!r}: write it as name=value")
        try:
            parameters[name] = json.loads(value)
        except (ValueError, RecursionError):  # Digits too many or brackets too deep: a text.
            parameters[name] = value
    return parameters


def result_table(rows: list[dict[str, Any]], columns: list[str] | None = None) -> Table:
    """Rows of a query as a table; without `columns`, those of the first row."""
    names = columns or (list(rows[0]) if rows else [])
    table = Table(*(one_line(name) for name in names))
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    return table


def _facts(values: dict[str, Any]) -> Table:
    table = Table(show_header=False)
    for name, value in values.items():
        table.add_row(name, _cell(value))
    return table


def _datasets(rows: list[dict[str, Any]]) -> Table:
    """What each data set holds, in few enough columns for a terminal; domains if there are some."""
    columns = dict(_OF_A_DATASET)
    if len({row["domain"] for row in rows}) < 2:
        del columns["domain"]
    table = Table(*columns.values())
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    return table


def _calls(calls: dict[str, Any]) -> str:
    """What verification cost and saved, in a line."""
    line = f"verifier calls: {calls['made']} made, {calls['saved']} saved"
    if calls["audited"]:
        line += f"; {calls['agreed']} of {calls['audited']} audited verdicts agree"
    return line


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, dict | list):
        return cell(json.dumps(value, ensure_ascii=False, default=str))
    return number_cell(value) if isinstance(value, float) else cell("" if value is None else value)
