"""`memreward snapshot`: the cache from which a memory is read fast."""

import time
from typing import Annotated

import typer

from memreward.base import connected_to, console
from memreward.cli.ingest import MemoryOption
from memstore import load_settings
from memstore.servers import snapshot_folder
from memstore.snapshot import ROLLOUT, SnapshotCache
from schema.graph import QUERY, SIMILAR


def snapshot(
    memory: MemoryOption,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build it again even if it can be used.")
    ] = False,
) -> None:
    """Build the snapshot of a memory or update it, and compare it with both databases."""
    settings = load_settings()
    began = time.monotonic()
    with connected_to(memory, settings) as stores:
        kept = SnapshotCache(stores, memory, snapshot_folder(settings), rebuild=rebuild)
        kept.check_every_page()
    found = kept.snapshot
    done = "found" if kept.made_because is None else f"rebuilt ({kept.made_because})"
    sizes = (path.stat().st_size for path in found.files.folder.iterdir())
    console.print(
        f"snapshot of memory {memory} {done}: batch {found.seq}, {found.count(QUERY):,} queries, "
        f"{found.count(ROLLOUT):,} rollouts, {found.n_edges(SIMILAR[1]):,} SIMILAR_TO edges, "
        f"{sum(sizes) / 2**20:,.0f} MiB in {time.monotonic() - began:.1f} s",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
