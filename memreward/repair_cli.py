"""`memreward repair`: finish what was interrupted."""

from typing import Annotated

import typer

from memreward.connect import connected
from memreward.console import console, err_console
from memstore.repair import Repaired, every_memory
from memstore.repair import repair as repair_memory
from schema.errors import StoreError


def repair(
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name; without it, every memory.")
    ] = None,
) -> None:
    """Publish what is accepted, finish deletes, retry a quarantined batch; nothing is undone.

    Safe at any time, also while others write. Exit code 1 if a memory could not be repaired.
    """
    failed = False
    with connected() as stores:
        for name in [memory] if memory else every_memory(stores):
            try:
                done = repair_memory(stores, name)
            except StoreError as error:
                failed = True
                err_console.print(f"{name}: {error}", style="red", markup=False, soft_wrap=True)
            else:
                console.print(f"{name}: {'; '.join(_said(done)) or 'nothing to do'}", markup=False)
    if failed:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(repair)


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
