"""What writes to a memory and what scores it, be it divided into shards or not."""

from pathlib import Path

from gnn.checkpoints import latest_checkpoint
from memstore import Settings
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.shards import ShardedWriter, Shards
from schema.calls import Reuse


def open_writer(
    stores: Stores, memory: str, run: str, reuse: Reuse | None, shards: Shards | None
) -> RolloutWriter | ShardedWriter:
    """The writer of a run.

    Raises:
        MemrewardError: see `RolloutWriter`.
    """
    if shards is None:
        return RolloutWriter(stores, memory, run, reuse=reuse is not None)
    return ShardedWriter(shards, run, reuse=reuse is not None)


def newest_checkpoint(
    stores: Stores, settings: Settings, memory: Shards | str, version: str | None
) -> Path | None:
    """See `latest_checkpoint`; the first shard notes those of all."""
    if isinstance(memory, str):
        return latest_checkpoint(stores, settings, memory, version)
    if memory.first.state() is None:
        return None  # What has no rollouts yet has noted no checkpoint.
    return latest_checkpoint(stores, settings, memory.first.name, version)
