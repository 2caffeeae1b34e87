"""The runs that share a memory, and what each brought."""

from typing import Any

from memstore.stores import Stores, get_memory


def run_stats(stores: Stores, memory: str) -> list[dict[str, Any]]:
    """Policy, checkpoint, counts, steps and mean rewards of each run, as published.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    get_memory(stores, memory)
    return stores.graph.read("runs.cypher", lambda tx: tx.records("runs", memory=memory))
