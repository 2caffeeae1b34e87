"""`memreward repair`: finish what was interrupted, and rebuild Neo4j from Postgres."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated

import typer

from memreward.base import bars, connected_pairs, console, err_console
from memstore import Settings, each_pair, load_settings
from memstore.archive import rebuild_graph
from memstore.db import Addresses, Stores, open_stores
from memstore.outbox import Repaired
from memstore.outbox import repair as repair_memory
from memstore.servers import migrate, set_neo4j_aside, up
from memstore.shards import BROKEN, Shards, places_of, repair_edges, shard_counts
from schema.errors import DamagedGraphError, StoreError


def repair(
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name; without it, every memory.")
    ] = None,
    rebuild_neo4j: Annotated[
        bool,
        typer.Option(
            "--rebuild-neo4j",
            help="Rebuild the graph from Postgres, for a Neo4j that was damaged or lost.",
        ),
    ] = False,
) -> None:
    """Publish what is accepted, finish deletes, retry a quarantined batch; undo nothing.

    Safe at any time, also while others write. Exit code 1 if a memory could not be repaired.
    """
    if rebuild_neo4j:
        _rebuild(load_settings(), memory)
        return
    failed = False
    with connected_pairs() as pairs:
        for stores, name in places_of(pairs, memory):
            try:
                done = repair_memory(stores, name)
            except StoreError as error:
                failed = True
                err_console.print(f"{name}: {error}", style="red", markup=False, soft_wrap=True)
            else:
                console.print(f"{name}: {'; '.join(_said(done)) or 'nothing to do'}", markup=False)
        failed = not _repair_divided(pairs, memory) or failed
    if failed:
        raise typer.Exit(1)


def _repair_divided(pairs: Sequence[Stores], memory: str | None) -> bool:
    """Tie what waits for its edges between shards; returns whether every memory could be read."""
    whole = True
    for name, count in shard_counts(pairs, memory).items():
        try:
            tied = repair_edges(Shards.over(name, count, pairs))
        except BROKEN as error:
            whole = False
            err_console.print(f"{name}: {error}", style="red", markup=False, soft_wrap=True)
        else:
            if tied:
                told = f"{name}: queries got their edges between shards"
                console.print(told, markup=False)
    return whole


def _rebuild(settings: Settings, memory: str | None) -> None:
    """Rebuild the graph of one memory or of all; of all, if Neo4j's own data are lost."""
    first, *others = each_pair(settings)
    try:
        where, is_fresh = [up(first)], False
    except DamagedGraphError:
        where, is_fresh = [_fresh_neo4j(first)], True
    where += [up(pair) for pair in others]
    with ExitStack() as stack:
        for addresses in where:
            migrate(addresses)
        pairs = [stack.enter_context(open_stores(addresses)) for addresses in where]
        places = places_of(pairs[:1], None) if is_fresh else places_of(pairs, memory)
        for stores, name in places:
            with bars() as progress:
                rollouts = rebuild_graph(stores, name, progress.adding("rebuild "))
            console.print(f"{name}: rebuilt in Neo4j, {rollouts} rollouts", markup=False)


def _fresh_neo4j(settings: Settings) -> Addresses:
    aside = set_neo4j_aside(settings)
    console.print(
        f"Neo4j's damaged data are in {aside}; remove them once all is well",
        markup=False,
        soft_wrap=True,
    )
    return up(settings)


def _said(done: Repaired) -> list[str]:
    said = []
    if done.published:
        said.append(f"{done.published} batches published")
    if done.settled is not None:
        said.append(f"batch {done.settled} is out of quarantine")
    if done.deleted:
        said.append("its delete is finished")
    if done.cleared:
        said.append("edges of unfinished or outdated generations removed")
    return said
