"""`memreward ingest` and `memreward link`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, connected_whole, console
from memreward.cli.follow import require_names, run_follow
from memreward.cli.options import with_options
from memreward.cli.rehearsal import propose, show_rehearsal
from memreward.cli.rejects_option import RejectsOption, rejects_path
from memreward.cli.shape_options import FileShape, FollowOption, IdleOption
from memreward.jobs import DryRun, FollowRequest, IngestRequest, ingest_files
from memstore.changes import link as link_memory
from memstore.containers import with_standard_input
from memstore.encoders import DEFAULT_ENCODER
from memstore.formats import check_shapes
from memstore.shards import link_shards, writer_of
from schema.errors import InputError, ShapeError

MemoryOption = Annotated[str, typer.Option("--memory", "-m", help="Name of the memory.")]


@with_options
def ingest(
    shape: FileShape,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="JSON, JSONL, CSV (.gz, .zst), Parquet, Arrow or .eval files, folders, or -."
        ),
    ],
    memory: Annotated[
        str, typer.Option("--memory", "-m", help="Name of the memory; needed without --dry-run.")
    ] = "",
    run: Annotated[
        str, typer.Option(help="Name of the run that made the rollouts; needed without --dry-run.")
    ] = "",
    policy: Annotated[str | None, typer.Option(help="Policy of rows that name none.")] = None,
    labels: Annotated[
        float | None,
        typer.Option(help="Store the rewards of this share of each dataset's queries only."),
    ] = None,
    label_seed: Annotated[int, typer.Option(help="Random seed for choosing those queries.")] = 0,
    encoder: Annotated[
        str, typer.Option(help="Encoder of the embeddings in files that name none.")
    ] = DEFAULT_ENCODER,
    rejects: RejectsOption = None,
    skip_rejected: Annotated[
        bool, typer.Option(help="Ingest the good rows although others are rejected.")
    ] = False,
    shards: Annotated[
        int | None, typer.Option(min=2, help="Divide a memory that is new into so many shards.")
    ] = None,
    follow: FollowOption = False,
    idle: IdleOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how rows would be stored; needs no server.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print JSON, one object a line and row.")
    ] = False,
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
        rejects=rejects,
        skip_rejected=skip_rejected,
        prefer=None if shape.prefer is None else shape.prefer.value,
        shape=shape.options,
        prompts=shape.prompts,
    )
    if follow:
        run_follow(FollowRequest(ingest=request, idle=idle), shards, is_rehearsal=dry_run)
        return
    if idle is not None:
        raise InputError("--idle goes with --follow: leave it out, or add --follow")
    with with_standard_input(files) as paths:
        request = replace(request, files=paths)
        try:
            _run(request, shards, dry_run=dry_run, as_json=as_json)
        except ShapeError as error:
            propose("ingest", request, files, error)


def _run(request: IngestRequest, shards: int | None, *, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        show_rehearsal(DryRun(request=request), as_json=as_json)
        return
    if as_json:
        raise InputError("--json goes with --dry-run: leave it out, or add --dry-run")
    require_names(request)
    check_shapes(request.files, request.shape)
    with connected_whole(request.memory, shards=shards) as (stores, found), bars() as progress:
        request = replace(request, rejects=rejects_path(request.rejects, "ingest"))
        writer = writer_of(stores, request.memory, request.run, found)
        outcome = ingest_files(writer, request, progress)
    for line in outcome.lines():
        console.print(line)


def link(
    memory: MemoryOption,
    neighbours: Annotated[
        int | None, typer.Option("--neighbours", "-k", help="Edges a query; default: as before.")
    ] = None,
) -> None:
    """Recompute every query's nearest neighbours as a new generation of SIMILAR_TO edges."""
    with connected_whole(memory) as (stores, shards), bars() as progress:
        if shards is not None:
            linked = link_shards(shards, neighbours, partial(progress, "link queries"))
            console.print(
                f"{linked.queries} queries of memory {memory} have their nearest of all shards"
            )
            return
        edges = link_memory(
            stores,
            memory,
            neighbours,
            lambda done, total: progress("link queries", done, total),
        )
    console.print(f"{edges} SIMILAR_TO edges in memory {memory}")
