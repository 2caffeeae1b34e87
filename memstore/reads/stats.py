"""What memories there are and what they hold."""

from typing import Any

from memstore.db import Stores, get_memory


def list_memories(stores: Stores) -> list[str]:
    """Names of all memories, in order."""
    with stores.vectors.transaction("reads.sql") as session:
        return [row[0] for row in session.rows("memories")]


def memory_stats(stores: Stores, memory: str) -> dict[str, Any]:
    """Counts of a memory as published, in all (`counts`) and per dataset (`datasets`).

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    state = get_memory(stores, memory)
    counts, datasets = stores.graph.read(
        "reads.cypher",
        lambda tx: (tx.records("counts", memory=memory), tx.records("datasets", memory=memory)),
    )
    accepted = {"accepted_seq": state.seq, "encoder": state.encoder}
    return {"counts": {**(counts[0] if counts else {}), **accepted}, "datasets": datasets}
