"""`memreward evaluate`: how good the rewards would be, before anything depends on them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memreward.base import (
    JsonFileOption,
    bars,
    check_json_file,
    console_beside,
    how_made,
    started,
    write_figures,
)
from memreward.cli.options import label_shares, with_options
from memreward.cli.rehearsal import propose
from memreward.cli.shape_options import FileShape
from memstore import load_settings
from memstore.formats import check_shapes
from schema.errors import ShapeError

if TYPE_CHECKING:
    from memreward.jobs import EvaluationRequest

ALL_BASELINES = "constant,majority,knn,logistic,published"
ALL_STRATEGIES = "largest,uncertainty,random,queries,care"


@with_options
def evaluate(
    shape: FileShape,
    train: Annotated[Path, typer.Argument(help="Rollouts with rewards; a few are shown.")],
    test: Annotated[
        list[Path] | None, typer.Option(help="Rollouts to score whose rewards are never shown.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Share of each dataset's queries labelled; several by commas.")
    ] = "0.2",
    seeds: Annotated[int, typer.Option(help="Repetitions; the spread is over them.")] = 3,
    baselines: Annotated[
        str,
        typer.Option(
            help="Which to compare with, by commas; '' for none. Others: votes, reliability, rule."
        ),
    ] = ALL_BASELINES,
    text_only: Annotated[bool, typer.Option(help="Ignore the policy's own signals.")] = False,
    calls: Annotated[
        str | None,
        typer.Option(
            help="Buy single verdicts instead of whole queries: shares of the rollouts, by commas."
        ),
    ] = None,
    strategies: Annotated[
        str,
        typer.Option(help="With --calls: ways to choose, to compare with; '' for none."),
    ] = ALL_STRATEGIES,
    final: Annotated[
        bool, typer.Option(help="Also score the set that no choice was based on.")
    ] = False,
    by_domain: Annotated[
        bool, typer.Option("--by-domain", help="Also a table for each domain and each dataset.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for an HTML page.")] = None,
    json_file: JsonFileOption = None,
) -> None:
    """Label a few queries of TRAIN, score all others, and compare with simpler methods.

    With several label shares, such as 0.05,0.2,0.5, the same queries are scored at each: a curve.
    With --calls, such as 0.05,0.1,0.2, single rollouts are verified instead of whole queries, and
    all rollouts are scored: docs/calls.md.
    Files of other tools are read by --format and --map, as `memreward ingest` reads them.
    Everything goes into a scratch memory of the two databases, which is deleted afterwards; the
    servers are started if need be.
    """
    from gnn.evaluation import (
        BudgetCurve,
        print_budgets,
        print_evaluation,
        write_budget_report,
        write_report,
    )
    from memreward.jobs import EvaluationRequest, evaluate_files

    request = EvaluationRequest(
        train=train,
        tests=test or [],
        labels=label_shares(labels),
        seeds=seeds,
        baselines=[name for name in baselines.split(",") if name],
        final=final,
        text_only=text_only,
        prefer=None if shape.prefer is None else shape.prefer.value,
        shape=shape.options,
        prompts=shape.prompts,
    )
    check_json_file(json_file)
    files = [train, *request.tests]
    try:
        check_shapes(files, request.shape)
    except ShapeError as error:
        propose("evaluate", request.ingestion(train), files, error)
    if calls is not None:
        _evaluate_calls(request, calls, strategies, report, json_file)
        return
    with started(load_settings()) as stores, bars() as progress:
        evaluation = evaluate_files(stores, request, progress)
    result, console = evaluation.to_json(), console_beside(json_file)
    if isinstance(evaluation, BudgetCurve):
        print_budgets(result, console)
    else:
        print_evaluation(result, console, in_parts=by_domain)
    write_figures(json_file, result)
    if report is not None:
        made = how_made()
        page = (
            write_budget_report(evaluation, report, made)
            if isinstance(evaluation, BudgetCurve)
            else write_report(evaluation, report, made)
        )
        console.print(f"report: {page}")


def _evaluate_calls(
    request: "EvaluationRequest",
    calls: str,
    strategies: str,
    report: Path | None,
    json_file: Path | None,
) -> None:
    """The same file, with a budget of calls."""
    from gnn.evaluation import check_strategies, print_calls, write_calls_report
    from memreward.jobs import evaluate_calls_of_file

    shares = label_shares(calls, option="--calls")
    names = [name for name in strategies.split(",") if name]
    check_strategies(names)
    with started(load_settings()) as stores, bars() as progress:
        curve = evaluate_calls_of_file(stores, request, shares, names, progress)
    result, console = curve.to_json(), console_beside(json_file)
    print_calls(result, console)
    write_figures(json_file, result)
    if report is not None:
        console.print(f"report: {write_calls_report(result, report)}")
