"""Re-embedding of a memory that is divided: shard by shard, then all are linked.

Until all shards have the new encoder the memory is not read as one: who wants to is told so.
"""

from collections.abc import Sequence
from pathlib import Path

from memstore.changes import EmbedPages, ReembedProgress, reembed
from memstore.db import find_memories, retried
from memstore.encoders import TextEncoder
from memstore.shards.division import InOnePlace, Shards
from memstore.shards.edges import FindNearest, link_shards
from schema.errors import UnknownMemoryError


def reembed_shards(
    shards: Shards,
    encoder: TextEncoder,
    path: Path | None,
    progress: ReembedProgress,
    elsewhere: EmbedPages | None = None,
    find: FindNearest | None = None,
) -> int:
    """Give all shards another encoder, then link; returns how many texts were embedded now.

    Who is interrupted does it again: what has its vector is not embedded, and all are linked.

    Args:
        shards: of the memory.
        encoder: see `memstore.changes.reembed`.
        path: see there.
        progress: told how far it is, shard by shard.
        elsewhere: see there.
        find: see `link_shards`.

    Raises:
        UnknownMemoryError: if there is no such memory.
        MemrewardError: see `memstore.changes.reembed`.
    """
    standing = [name for there in shards.together() for name in _standing(there)]
    if not standing:
        raise UnknownMemoryError(f"there is no memory {shards.memory!r}: nothing was stored")
    made = 0
    for part in shards.parts:
        if part.name in standing:
            made += reembed(
                part.stores, part.name, encoder, path=path, progress=progress, elsewhere=elsewhere
            )
    link_shards(shards, None, lambda done, total: progress("link queries", done, total), find)
    return made


def _standing(there: InOnePlace) -> Sequence[str]:
    """Names of the shards that hold rollouts."""

    def look() -> list[str]:
        with there.stores.vectors.reading("shards.sql") as session:
            return [*find_memories(session, there.names)]

    return retried(look)
