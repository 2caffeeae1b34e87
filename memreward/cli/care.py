"""`memreward check | delete | label | history`: looking after a memory."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from memreward.base import (
    JsonOption,
    bars,
    connected_pairs,
    connected_whole,
    console,
    one_line,
)
from memreward.cli.ingest import MemoryOption
from memreward.cli.query import result_table
from memreward.cli.rejects_option import RejectsOption, rejects_path
from memreward.jobs import LabelRequest, delete_all, drop_snapshot, label_file, what_is_left
from memstore import Settings, load_settings
from memstore.changes import delete_run, memory_contents, run_contents
from memstore.consistency import check_memory
from memstore.db import Stores
from memstore.reads import History, Statement, parse_as_of, read_history
from memstore.shards import check_divided, forget_division, holder_of, places_of

SomeMemoryOption = Annotated[
    str | None, typer.Option("--memory", "-m", help="Name of the memory; without it, all.")
]
#: Columns of what `history` prints.
STATEMENT = ["batch", "at", "kind", "who", "said", "confidence"]


def check(memory: SomeMemoryOption = None, as_json: JsonOption = False) -> None:
    """Compare both databases; exit with 1 and list the differences if there are any.

    Publishing is paused while the check runs.
    """
    with connected_pairs() as pairs, bars() as progress:
        adding = progress.adding()
        reports = [check_memory(stores, name, adding) for stores, name in places_of(pairs, memory)]
        reports += check_divided(pairs, memory)
    if as_json:
        console.print_data([asdict(report) for report in reports])
    for report in () if as_json else reports:
        for line in report.lines():
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not all(report.ok for report in reports):
        raise typer.Exit(1)


def delete(
    memory: MemoryOption,
    run: Annotated[
        str | None, typer.Option(help="Delete this run only; what other runs use stays.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a memory, or one run of it, from both databases. There is no way back."""
    settings = load_settings()
    with connected_pairs(settings) as pairs:
        what = f"run {run} of memory {memory}" if run else f"memory {memory}"
        places = places_of(pairs, memory)
        if run:
            places = [(places[0][0] if places else pairs[0], memory)]
        for stores, name in places:
            shown = what if name == memory else f"shard {name}"
            _show_contents(stores, name, run, shown)
        if dry_run:
            console.print("nothing was deleted (--dry-run)")
            return
        if not yes:
            typer.confirm(f"Delete {what} for good?", abort=True)
        if run:
            delete_run(places[0][0], memory, run)
            drop_snapshot(settings, memory)
        else:
            _delete_whole(pairs, settings, memory, places)
    console.print(f"{what} is deleted", markup=False, highlight=False)
    if run:
        console.print(
            f"queries that lost neighbours get others by `memreward link --memory {memory}`",
            markup=False,
            highlight=False,
        )
    _name_what_is_left(settings, memory, run)


def _show_contents(stores: Stores, memory: str, run: str | None, shown: str) -> None:
    contents = run_contents(stores, memory, run) if run else memory_contents(stores, memory)
    console.print(f"{shown} holds", markup=False, highlight=False)
    for line in contents.lines():
        console.print(line, highlight=False)


def _delete_whole(
    pairs: Sequence[Stores], settings: Settings, memory: str, places: Sequence[tuple[Stores, str]]
) -> None:
    """Delete a memory, or all shards of it."""
    for stores, name in places:
        delete_all(stores, settings, name)
    if [name for _, name in places] != [memory]:
        forget_division(pairs, memory)
        drop_snapshot(settings, memory)


def _name_what_is_left(settings: Settings, memory: str, run: str | None) -> None:
    for path in what_is_left(settings, memory, run):
        line = f"not deleted: {path} may hold texts of it"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def label(
    file: Annotated[Path, typer.Argument(help="JSONL, JSONL.gz, CSV or Parquet.")],
    memory: MemoryOption,
    annotator: Annotated[str | None, typer.Option(help="Annotator of rows that name none.")] = None,
    run: Annotated[str | None, typer.Option(help="Run of rows that name none.")] = None,
    rejects: RejectsOption = None,
    skip_rejected: Annotated[
        bool, typer.Option(help="Take the good rows although others are rejected.")
    ] = False,
) -> None:
    """Add verified rewards or preferences (docs/labels.md); repeated rows add nothing."""
    with connected_whole(memory) as (stores, shards), bars() as progress:
        request = LabelRequest(
            file=file,
            memory=memory,
            annotator=annotator,
            run=run,
            rejects=rejects_path(rejects, "label"),
            skip_rejected=skip_rejected,
        )
        outcome = label_file(stores, request, progress, shards)
    console.print(
        f"{outcome.report.rewards} rewards and {outcome.report.preferences} preferences are new, "
        f"{outcome.repeated} were said before, {outcome.rejected} rejected"
    )
    if outcome.report.taken_over:
        console.print(f"{outcome.report.taken_over} rollouts that conclude the same took them over")


def history(
    rollout: Annotated[str, typer.Argument(help="Id of the rollout; its first digits do.")],
    memory: MemoryOption,
    as_of: Annotated[
        str | None, typer.Option(help="Up to this sequence number or time (ISO 8601).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show who labelled or scored a rollout, when, and which values are current."""
    with connected_whole(memory) as (stores, shards):
        bound = None if as_of is None else parse_as_of(as_of)
        if shards is not None:
            part, rollout = holder_of(shards, rollout)
            stores, memory = part.stores, part.name
        found = read_history(stores, memory, rollout, bound)
    if as_json:
        console.print_data(asdict(found))
    else:
        show_history(found)


def show_history(found: History) -> None:
    """Print where a rollout came from, what was said of it, and what is current."""
    console.print(
        f"run {found.run}, query {one_line(found.source_query_id)}, step {found.step}, rollout "
        f"{found.place}; as of batch {found.seq}",
        markup=False,
        highlight=False,
    )
    console.print(result_table([_shown(item) for item in found.statements], STATEMENT))
    console.print(f"verified: {_number(found.verified)}  propagated: {_number(found.propagated)}")


def _shown(item: Statement) -> dict[str, object]:
    said = _number(item.value)
    if item.same_as is not None:
        said += f", as {item.same_as} concludes the same"
    if item.other is not None:
        said = f"better than {item.other}" if item.better else f"worse than {item.other}"
    values = (item.seq, item.at.isoformat(timespec="seconds"), item.kind, item.who, said)
    return dict(zip(STATEMENT, (*values, item.confidence), strict=True))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
