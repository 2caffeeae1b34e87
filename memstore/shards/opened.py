"""The writer of a memory, be it divided or not."""

from memstore.changes import BatchWriter, RolloutWriter
from memstore.db import Stores
from memstore.shards.division import Shards
from memstore.shards.writer import ShardedWriter


def writer_of(stores: Stores, memory: str, run: str, shards: Shards | None) -> BatchWriter:
    """The writer of a run.

    Args:
        stores: the databases of a memory that is not divided.
        memory: its name.
        run: that makes the rollouts.
        shards: of a memory that is divided.

    Raises:
        MemrewardError: see `RolloutWriter`.
    """
    if shards is None:
        return RolloutWriter(stores, memory, run)
    return ShardedWriter(shards, run)
