"""`memreward grpo` and `memreward compare`: training a policy, and arms against one another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from memreward.base import JsonOption, bars, connected, connected_as_whole, console, err_console
from memreward.cli.options import label_shares, with_options
from memreward.cli.training_options import TrainingOptions
from memstore import Settings, load_settings
from memstore.servers import comparison_folder, run_folder
from schema.errors import InputError
from schema.ids import checked_name
from trainer.datasets import RIGHT_FROM
from trainer.rewards import Arm, OnAlarm, check_call_budget
from trainer.runs import Method

if TYPE_CHECKING:
    from memreward.runs import GrpoOutcome, ScorerSource

ALL_ARMS = ",".join(Arm)


@with_options
def grpo(
    training: TrainingOptions,
    run: Annotated[str, typer.Option(help="Name of the run; an existing one is resumed.")],
    arm: Annotated[Arm, typer.Option(help="Where the rewards come from.")] = Arm.MEMREWARD,
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name of the memory, for memreward.")
    ] = None,
    labels: Annotated[
        float,
        typer.Option(help="Share of queries that may be verified; 0: none, not even paid ones."),
    ] = 0.2,
    calls: Annotated[
        float | None,
        typer.Option(help="Instead of --labels: share of completions that may be verified."),
    ] = None,
    calls_per_step: Annotated[
        int | None, typer.Option(help="The same as a number of completions a step.")
    ] = None,
    suggestions: Annotated[
        Path | None, typer.Option(help="File of rows with a `query`, to be verified first.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of order, labels and sampling.")] = 0,
    signals: Annotated[
        bool, typer.Option(help="One more forward pass: the policy's signals, for the memory.")
    ] = False,
    on_alarm: Annotated[
        OnAlarm, typer.Option(help="At a sign of collapse: stop the run, or warn and continue.")
    ] = OnAlarm.STOP,
) -> None:
    """Train a policy by GRPO with verified and propagated rewards; a killed run resumes."""
    from memreward.runs import draw_run, run_grpo

    checked_name(run, "run")
    if (memory is None) == (arm is Arm.MEMREWARD):
        raise InputError(
            "--arm memreward needs --memory NAME"
            if memory is None
            else f"--arm {arm} uses no memory: leave --memory out"
        )
    if signals and memory is None:
        raise InputError(f"--arm {arm} uses no memory: leave --signals out")
    if arm is Arm.PARTIAL and labels == 0:
        raise InputError("--arm partial has no rewards at all without labels: give some --labels")
    if not 0 <= labels <= 1:
        raise InputError(f"--labels {labels:g}: give a share of the queries, from 0 to 1")
    check_call_budget(calls, calls_per_step)
    request = training.request(
        arm,
        seed=seed,
        labels=labels,
        calls=calls,
        calls_per_step=calls_per_step,
        suggestions=suggestions,
        signals=signals,
        on_alarm=on_alarm,
    )
    if request.budgets_calls and (memory is None or suggestions is not None):
        raise InputError(
            "--calls needs --arm memreward, whose memory plans them: leave --suggestions out"
        )
    settings = load_settings()
    folder = run_folder(settings, memory, run)
    with bars() as progress:
        if memory is None:
            outcome = run_grpo(request, folder, None, progress)
        else:
            reuse = request.budgets_calls
            name = checked_name(memory, "memory")
            with _opened(settings, name, run, folder, reuse=reuse) as source:
                outcome = run_grpo(request, folder, source, progress)
    draw_run(folder)
    for line in _lines(outcome):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@with_options
def compare(
    training: TrainingOptions,
    name: Annotated[str, typer.Option(help="Name of the comparison; an existing one is resumed.")],
    arms: Annotated[str, typer.Option(help="Arms to compare, by commas.")] = ALL_ARMS,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each arm.")] = 3,
    labels: Annotated[str, typer.Option(help="Shares of labels, by commas.")] = "0.2,0.7",
    calls: Annotated[
        str | None, typer.Option(help="Shares of calls too, by commas, for memreward.")
    ] = None,
    by: Annotated[
        Method, typer.Option(help="How it learns: grpo, or from samples drawn once: sft, dpo.")
    ] = Method.GRPO,
    right_from: Annotated[
        float, typer.Option(help="For sft: a propagated reward from here on is right.")
    ] = RIGHT_FROM,
    quality: Annotated[
        bool, typer.Option(help="Verify all once more, to tell how good the rewards were.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Train with each arm from the same start on the same prompts: a table and curves."""
    from memreward.runs import (
        CompareRequest,
        cells,
        drift_cells,
        interval_cells,
        quality_cells,
        table,
    )
    from memreward.runs import as_json as result_json
    from memreward.runs import compare as run_comparison

    chosen = _arms(arms)
    if training.curriculum and by is not Method.GRPO:
        raise InputError(f"--by {by} asks each query once: leave --curriculum out")
    if training.report_to != "none" and by is not Method.GRPO:
        raise InputError(f"--by {by} reports nowhere: leave --report-to out")
    request = CompareRequest(
        name=checked_name(name, "comparison"),
        arms=chosen,
        seeds=seeds,
        labels=label_shares(labels),
        calls=[] if calls is None else _call_shares(calls, chosen),
        method=by,
        right_from=right_from,
        quality=quality,
        run=training.request(chosen[0], on_alarm=OnAlarm.WARN),
    )
    settings = load_settings()
    folder = comparison_folder(settings, name)

    def open_memory(run: str, reuse: bool) -> Any:
        memory = checked_name(f"{name}-{run}", "memory")
        return _opened(settings, memory, run, folder / run, reuse=reuse)

    if Arm.MEMREWARD in chosen:
        with connected(settings):  # Not only when its turn comes, hours later.
            pass
    with bars() as progress:
        results = run_comparison(request, folder, open_memory, progress)
    (folder / "comparison.md").write_text(table(results) + "\n", encoding="utf-8")
    if as_json:
        console.print_data([result_json(result) for result in results])
    else:
        for shown in (cells, quality_cells, drift_cells, interval_cells):
            titles, rows = shown(results)
            if rows:
                console.print(comparison_table(titles, rows))
    err_console.print(f"folder: {folder}", markup=False, highlight=False, soft_wrap=True)


def comparison_table(titles: list[str], rows: list[list[str]]) -> Table:
    """One row an arm and share of labels."""
    shown = Table(*titles)
    for row in rows:
        shown.add_row(*row)
    return shown


def _call_shares(text: str, arms: list[Arm]) -> list[float]:
    if Arm.MEMREWARD not in arms:
        raise InputError("--calls needs the arm memreward, whose memory plans them")
    return label_shares(text, option="--calls")


def _arms(text: str) -> list[Arm]:
    known = {arm.value: arm for arm in Arm}
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"--arms: there is no arm {', '.join(unknown)}; there are {ALL_ARMS}")
    if not names:
        raise InputError(f"--arms: give some of {ALL_ARMS}")
    return [known[name] for name in names]


@contextmanager
def _opened(
    settings: Settings, memory: str, run: str, folder: Path, *, reuse: bool
) -> "Iterator[ScorerSource]":
    from memreward.runs import memory_source

    with (
        connected_as_whole(memory, "grpo", settings) as (stores, shards),
        memory_source(
            stores,
            settings,
            memory,
            run,
            begun=(folder / "run.json").exists(),
            reuse=reuse,
            shards=shards,
        ) as source,
    ):
        yield source


def _lines(outcome: "GrpoOutcome") -> list[str]:
    before, after = outcome.before, outcome.after
    share = outcome.reward_seconds / outcome.seconds if outcome.seconds else 0.0
    return [
        f"accuracy on held-out tasks: {before.mean:.3f} before, {after.mean:.3f} after "
        f"{after.step} steps ({after.completions} completions)",
        *(
            f"  {name}: {before.families.get(name, float('nan')):.3f}, {mean:.3f}"
            for name, mean in after.families.items()
        ),
        f"labels paid: {outcome.labels} of {outcome.queries} queries (new ones)",
        f"verifier calls: {outcome.calls} for {outcome.completions} completions, "
        f"{outcome.calls_saved} saved",
        f"rewards: {outcome.reward_seconds:.1f} of {outcome.seconds:.1f} s ({share:.1%})",
        f"policy, log and curves: {outcome.folder}",
    ]
