"""`memreward dataset`."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, connected_to, console
from memreward.cli.ingest import MemoryOption
from trainer.datasets import DatasetRequest, Kind, Selection, write_dataset


def dataset(
    memory: MemoryOption,
    kind: Annotated[Kind, typer.Option(help="Who trains on it (docs/datasets.md).")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    verified_only: Annotated[
        bool, typer.Option("--verified-only", help="Leave propagated rewards out.")
    ] = False,
    right_from: Annotated[float, typer.Option(help="Rewards from here on are right.")] = 0.8,
    wrong_to: Annotated[float, typer.Option(help="Rewards up to here are wrong.")] = 0.2,
    margin: Annotated[float, typer.Option(help="Least difference within a pair.")] = 0.5,
    most: Annotated[
        int | None, typer.Option(help="Rows a query; sft 1, dpo and reward 4, kto all of them.")
    ] = None,
    validation: Annotated[float, typer.Option(help="Share of queries for validation.")] = 0.1,
) -> None:
    """Write a data set for TRL's trainers: answers, pairs or prompts that rewards choose."""
    selection = Selection(
        kind=kind,
        right_from=right_from,
        wrong_to=wrong_to,
        margin=margin,
        most=most,
        verified_only=verified_only,
    )
    request = DatasetRequest(memory=memory, selection=selection, out=out, validation=validation)
    with connected_to(memory) as stores, bars() as progress:
        tally = write_dataset(stores, request, progress)
    for split, rows in tally.rows.items():
        line = f"{split}: {rows} rows of {tally.row_queries[split]} queries"
        console.print(line, markup=False, highlight=False)
    for source, rows in sorted(tally.row_sources.items()):
        what = "preferences" if source == "preference" else f"rewards {source}"
        console.print(f"{what}: {rows} rows", markup=False, highlight=False)
    if tally.forgotten:
        console.print(f"{tally.forgotten} rollouts with a reward are forgotten: no text was taken")
    console.print(f"data set: {out}", markup=False, soft_wrap=True)
