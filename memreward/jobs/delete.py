"""Deleting a memory as a job: from the databases, and its files in the home folder."""

import shutil

from memstore import Settings
from memstore.db import Stores
from memstore.outbox import delete_memory
from memstore.servers import checkpoint_folder, snapshot_folder, training_folder


def delete_all(stores: Stores, settings: Settings, memory: str) -> None:
    """Delete a memory, its checkpoints and its snapshot.

    Raises:
        StoreError: if a database refuses; the next attempt continues from there.
    """
    delete_memory(stores, memory)
    shutil.rmtree(checkpoint_folder(settings, memory), ignore_errors=True)
    shutil.rmtree(training_folder(settings, memory), ignore_errors=True)
    drop_snapshot(settings, memory)


def drop_snapshot(settings: Settings, memory: str) -> None:
    """Remove a memory's snapshots; the next reader makes new ones."""
    shutil.rmtree(snapshot_folder(settings) / memory, ignore_errors=True)
