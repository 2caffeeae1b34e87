"""Checkpoints and propagated rewards on their way into a memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from memstore.db import Stores, as_json, get_memory
from memstore.outbox import OutboxBatch, begin_change, commit_change
from schema import tables
from schema.batch import BatchKind
from schema.reward import PropagatedReward

REWARDS_A_BATCH = 4_096


def register_model(stores: Stores, memory: str, version: str, manifest: Mapping[str, Any]) -> None:
    """Make a checkpoint known: its manifest in Postgres, a (:Model) node in Neo4j.

    The same version again changes nothing.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """

    def write(batch: OutboxBatch) -> None:
        sql = batch.session.of("changes.sql")
        if sql.row("model_known", memory=memory, version=version) is not None:
            return
        sql.run(
            "add_model", memory=memory, version=version, manifest=as_json(manifest), seq=batch.seq
        )
        scalars = {k: v for k, v in manifest.items() if isinstance(v, str | int | float | bool)}
        batch.tell({"version": version, "properties": scalars})

    commit_change(stores, begin_change(stores, memory), BatchKind.MODEL, write)


def list_models(stores: Stores, memory: str) -> list[tuple[str, dict[str, Any]]]:
    """Versions and manifests of the checkpoints that a memory knows, the latest first.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    get_memory(stores, memory)
    with stores.vectors.transaction("reads.sql") as session:
        return [(row[0], row[1]) for row in session.rows("models", memory=memory)]


def read_propagated(stores: Stores, memory: str) -> dict[str, float | None]:
    """Current propagated reward by rollout id, as published; None: no opinion."""
    rows = stores.graph.read("reads.cypher", lambda tx: tx.rows("propagated", memory=memory))
    return {row[0]: row[1] for row in rows}


def write_propagated(
    stores: Stores,
    memory: str,
    rewards: Sequence[PropagatedReward],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Store propagated rewards, in batches; verified ones are never touched.

    Raises:
        UnknownMemoryError: if there is no such memory.
        StoreError: if a rollout or the model is not in the memory.
    """
    begun = begin_change(stores, memory)
    ordered = sorted(rewards, key=lambda reward: reward.rollout_id)
    for start in range(0, len(ordered), REWARDS_A_BATCH):
        page = ordered[start : start + REWARDS_A_BATCH]
        commit_change(stores, begun, BatchKind.PROPAGATE, partial(_write_page, page))
        if progress is not None:
            progress(start + len(page), len(ordered))


def _write_page(page: Sequence[PropagatedReward], batch: OutboxBatch) -> None:
    stored = (
        {
            "rollout_id": reward.rollout_id,
            "value": reward.value,
            "confidence": reward.confidence,
            "model": reward.model,
        }
        for reward in page
    )
    batch.session.copy(tables.PROPAGATED_REWARD, stored, memory=batch.memory, seq=batch.seq)
    at = datetime.now(UTC).isoformat()
    rows = [
        {
            "rollout_id": reward.rollout_id,
            "value": reward.value,
            "confidence": reward.confidence,
            "model": reward.model,
            "at": at,
        }
        for reward in page
    ]
    batch.tell({"propagated": rows})
