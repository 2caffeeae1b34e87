"""`memreward ingest` and `memreward link`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, connected, console
from memreward.cli.rejects_option import RejectsOption, rejects_path
from memreward.jobs import IngestRequest, ingest_files
from memstore.changes import link as link_memory
from memstore.encoders import DEFAULT_ENCODER

MemoryOption = Annotated[str, typer.Option("--memory", "-m", help="Name of the memory.")]


class Prefer(StrEnum):
    """Columns of which a row should have one."""

    ANSWER = "answer"
    COMPLETION = "completion"


def ingest(
    files: Annotated[list[Path], typer.Argument(help="JSONL, JSONL.gz or Parquet files.")],
    memory: MemoryOption,
    run: Annotated[str, typer.Option(help="Name of the run that made the rollouts.")],
    policy: Annotated[str | None, typer.Option(help="Policy of rows that name none.")] = None,
    labels: Annotated[
        float | None,
        typer.Option(help="Store the rewards of this share of each dataset's queries only."),
    ] = None,
    label_seed: Annotated[int, typer.Option(help="Which queries these are.")] = 0,
    encoder: Annotated[
        str, typer.Option(help="What made the embeddings in files that do not say it.")
    ] = DEFAULT_ENCODER,
    rejects: RejectsOption = None,
    skip_rejected: Annotated[
        bool, typer.Option(help="Ingest the good rows although others are rejected.")
    ] = False,
    prefer: Annotated[
        Prefer | None,
        typer.Option(help="Which one the policy wrote, where rows have `answer` and `completion`."),
    ] = None,
) -> None:
    """Read rollouts into a memory; the same files again add nothing."""
    request = IngestRequest(
        files=files,
        memory=memory,
        run=run,
        policy=policy,
        labels=labels,
        label_seed=label_seed,
        file_encoder=encoder,
        rejects=rejects_path(rejects, "ingest"),
        skip_rejected=skip_rejected,
        prefer=None if prefer is None else prefer.value,
    )
    with connected() as stores, bars() as progress:
        outcome = ingest_files(stores, request, progress)
    for line in outcome.lines():
        console.print(line)


def link(
    memory: MemoryOption,
    neighbours: Annotated[
        int | None, typer.Option("--neighbours", "-k", help="Edges a query; default: as before.")
    ] = None,
) -> None:
    """Recompute every query's nearest neighbours as a new generation of SIMILAR_TO edges."""
    with connected() as stores, bars() as progress:
        edges = link_memory(
            stores,
            memory,
            neighbours,
            lambda done, total: progress("link queries", done, total),
        )
    console.print(f"{edges} SIMILAR_TO edges in memory {memory}")
