"""`memreward demo`: all of it, once, on real rollouts that come with the package."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax

from memreward.base import JsonOption, as_started, bars, err_console, started
from memreward.base import console as stdout
from memreward.cli.query import result_table
from memstore import Settings, load_settings
from memstore.db import QueryResult, Stores
from memstore.servers import report_folder


def demo(
    report: Annotated[
        Path | None, typer.Option(help="Folder for the HTML page; default: in MEMREWARD_HOME.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Try everything once on real rollouts: ingest, learn from 20 % of the labels, score.

    Starts the two databases if need be and leaves them running; a second run reuses what is there.
    """
    begun, console = time.monotonic(), err_console if as_json else stdout
    settings = load_settings()
    console.rule("1  two real databases")
    with started(settings) as stores:
        console.print("Neo4j and Postgres with pgvector run; `memreward down` stops them")
        from gnn.evaluation import print_evaluation, write_report
        from memreward.jobs import demo as demo_job

        console.rule("2  rollouts of a 0.5B policy, 20 % of the queries verified")
        with bars() as progress:
            outcome = demo_job.ingest_sample(stores, progress)
        for line in outcome.lines():
            console.print(line)
        console.rule("3  a graph neural network learns from the verified fifth")
        console.print(_learned(stores, settings))
        console.rule("4  its rewards against the true ones, which it never saw")
        with bars() as progress:
            evaluation = demo_job.hold_against_truth(stores, progress)
        print_evaluation(evaluation.to_json(), console)
        page = write_report(evaluation, report or report_folder(settings, "demo"))
        console.rule("5  three questions to the graph, in Cypher")
        answers = demo_job.ask_three_questions(stores)
    show_answers(answers, console)
    if as_json:
        rows = {cypher: result.rows for cypher, result in answers}
        stdout.print_data({**evaluation.to_json(), "answers": rows})
    console.print(f"report: {page}")
    console.print(f"{time.monotonic() - begun:.0f} s; continue with")
    console.print(f"  {as_started('stats --memory demo')}", soft_wrap=True)


def _learned(stores: Stores, settings: Settings) -> str:
    """Learn, unless an earlier demo did; say which."""
    from memreward.jobs import demo as demo_job

    if demo_job.is_propagated(stores):
        return "an earlier run did this: its rewards are reused"
    with bars() as progress:
        trained = demo_job.learn_and_propagate(stores, settings, progress)
    return f"checkpoint {trained.manifest.version}, rewards written to the graph"


def show_answers(answers: Iterable[tuple[str, QueryResult]], console: Console) -> None:
    """Print each question in Cypher, and its rows."""
    for cypher, result in answers:
        console.print(Syntax(cypher, "cypher", background_color="default", word_wrap=True))
        console.print(result_table(result.rows, result.columns))
