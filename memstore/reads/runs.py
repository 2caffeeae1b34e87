"""The runs that share a memory, and what each brought."""

from typing import Any

from memstore.db import Stores, get_memory, retried


def run_stats(stores: Stores, memory: str) -> list[dict[str, Any]]:
    """Policy, checkpoint, counts, steps and mean rewards of each run, as published.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    get_memory(stores, memory)
    return stores.graph.read("reads.cypher", lambda tx: tx.records("runs", memory=memory))


def run_known(stores: Stores, memory: str, run: str) -> bool:
    """Whether a run of this name has brought rollouts to a memory, which need not exist."""

    def look() -> bool:
        with stores.vectors.transaction("reads.sql") as session:
            return session.row("run_known", memory=memory, name=run) is not None

    return retried(look)
