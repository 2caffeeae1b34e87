"""Which memories there are, what each holds, and what each of its runs brought."""

from dataclasses import asdict
from typing import Any

from memstore.db import Stores, get_memory, retried
from memstore.reads.verifier_calls import count_calls


def list_memories(stores: Stores) -> list[str]:
    """Names of all memories, in order."""
    with stores.vectors.transaction("reads.sql") as session:
        return [row[0] for row in session.rows("memories")]


def memory_stats(stores: Stores, memory: str) -> dict[str, Any]:
    """Counts of a memory as published, in all (`counts`) and per dataset (`datasets`).

    `calls` has what verification cost and saved, as accepted.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    state = get_memory(stores, memory)
    counts, datasets = stores.graph.read(
        "reads.cypher",
        lambda tx: (tx.records("counts", memory=memory), tx.records("datasets", memory=memory)),
    )
    accepted = {"accepted_seq": state.seq, "encoder": state.encoder}
    with stores.vectors.transaction("reads.sql") as session:
        calls = count_calls(session, memory)
    return {
        "counts": {**(counts[0] if counts else {}), **accepted},
        "datasets": datasets,
        "calls": {
            "made": calls.made,
            "saved": calls.saved,
            "audited": calls.audited,
            "agreed": calls.agreed,
            "domains": {name: asdict(found) for name, found in calls.audits.items()},
        },
    }


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
