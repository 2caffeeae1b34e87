"""How a memory on Ray is divided."""

from collections.abc import Sequence

from memstore.db import Stores, look_up_memory
from memstore.shards import Shards, divided_memories


def divided(pairs: Sequence[Stores], memory: str, shards: int | None) -> Shards | None:
    """How a memory is divided, a new one from now on; None: it is not.

    Raises:
        UnknownMemoryError: if it is being deleted, imported or rebuilt.
    """
    found = divided_memories(pairs, memory)
    if found or shards is None:
        return found[0] if found else None
    if look_up_memory(pairs[0], memory) is not None:
        return None
    new = Shards.over(memory, shards, pairs)
    new.divide()
    return new
