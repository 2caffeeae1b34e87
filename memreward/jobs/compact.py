"""Compacting a memory: what is kept of the texts that go is what the features read from them."""

from gnn.features import KEPT_NAMES, own_row
from memreward.jobs.delete import drop_snapshot
from memstore import Settings
from memstore.db import Stores
from memstore.forgetting import CompactionProgress, KeptTexts, compact, shrink


def compact_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    keep: int,
    progress: CompactionProgress,
    *,
    give_back: bool,
) -> int:
    """Forget rollouts of which nothing was said; returns how many.

    Args:
        stores: both databases.
        settings: tell where snapshots are: they hold what goes, too.
        memory: whose rollouts.
        keep: so many rollouts of one query, conclusion and policy stay whole.
        progress: told how far it is.
        give_back: whether Postgres gives the space back to the disk.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `keep` is negative.
        StoreError: if a database refuses; the same again continues.
    """
    forgotten = compact(
        stores, memory, keep, KeptTexts(names=KEPT_NAMES, read=own_row), progress=progress
    )
    if forgotten:
        drop_snapshot(settings, memory)
    if give_back:
        shrink(stores)
    return forgotten
