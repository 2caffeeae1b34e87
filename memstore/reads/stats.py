"""Which memories there are, what each holds, and what each of its runs brought."""

from typing import Any

from memstore.db import Stores, get_memory, retried


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
