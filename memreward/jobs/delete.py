"""Deleting a memory as a job: from the databases, and its files in the home folder."""

import shutil
from pathlib import Path

from memstore import Settings
from memstore.db import Stores
from memstore.outbox import delete_memory
from memstore.servers import (
    checkpoint_folder,
    comparisons_folder,
    reports_folder,
    runs_folder,
    snapshot_folder,
    training_folder,
)


def delete_all(stores: Stores, settings: Settings, memory: str) -> None:
    """Delete a memory, its checkpoints and its snapshot.

    Raises:
        StoreError: if a database refuses; the next attempt continues from there.
    """
    delete_memory(stores, memory)
    shutil.rmtree(checkpoint_folder(settings, memory), ignore_errors=True)
    shutil.rmtree(training_folder(settings, memory), ignore_errors=True)
    drop_snapshot(settings, memory)


def what_is_left(settings: Settings, memory: str, run: str | None = None) -> list[Path]:
    """What a delete leaves in the home and may hold texts of the memory, or of a run of it.

    Exports, backups and other files that a user named are not known here.
    """
    own = runs_folder(settings, memory)
    found = [own if run is None else own / run]
    comparisons = comparisons_folder(settings)
    if run is None and comparisons.is_dir():
        # A comparison's memories are called by its name and the run's.
        found += [path for path in comparisons.iterdir() if memory.startswith(f"{path.name}-")]
    found += reports_folder(settings).glob("*")
    return sorted(path for path in found if path.exists())


def drop_snapshot(settings: Settings, memory: str) -> None:
    """Remove a memory's snapshots; the next reader makes new ones."""
    shutil.rmtree(snapshot_folder(settings) / memory, ignore_errors=True)
