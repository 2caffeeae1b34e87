"""How often the policies of a memory's runs are right, with intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gnn.checkpoints import latest_checkpoint
from gnn.confidence import Accuracy, estimate_accuracy
from memstore import Settings
from memstore.db import Stores
from memstore.reads import RunRollout, run_rewards


@dataclass(frozen=True, kw_only=True)
class RunAccuracy:
    """One policy in one run."""

    run: str
    policy: str | None
    n_rollouts: int
    n_queries: int
    accuracy: Accuracy


def run_accuracies(
    stores: Stores,
    settings: Settings,
    memory: str,
    *,
    labels_only: bool = False,
) -> list[RunAccuracy]:
    """Accuracy of each policy in each run; see `gnn.confidence.estimate_accuracy`.

    Predictions are out of fold by the latest checkpoint of the default model, and verified rewards
    count as what it believes of their sources; without one, and with `labels_only`, the verified
    rewards alone count, as they are.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if the checkpoint is missing or damaged.
    """
    rollouts = run_rewards(stores, memory)
    verified = [rollout.reward is not None for rollout in rollouts]
    predicted, believed = None, None
    if any(verified) and not all(verified) and not labels_only:
        predicted, believed = _predicted(stores, settings, memory)
    return list(_accuracies(rollouts, predicted, believed))


def _accuracies(
    rollouts: Sequence[RunRollout],
    predicted: dict[str, float] | None,
    believed: dict[str, float] | None,
) -> Iterator[RunAccuracy]:
    for (run, policy), members in groupby(rollouts, lambda r: (r.run, r.policy)):
        rows = list(members)
        _, query_R = np.unique([row.query_id for row in rows], return_inverse=True)
        told = [
            row.reward if believed is None else believed.get(row.rollout_id, row.reward)
            for row in rows
        ]
        reward_R = np.array(told, dtype=np.float32)
        predicted_R = None
        if predicted is not None:
            found = [predicted.get(row.rollout_id, np.nan) for row in rows]
            predicted_R = np.array(found, dtype=np.float32)
        yield RunAccuracy(
            run=run,
            policy=policy,
            n_rollouts=len(rows),
            n_queries=int(query_R.max()) + 1,
            accuracy=estimate_accuracy(reward_R, predicted_R, query_R),
        )


def _predicted(
    stores: Stores, settings: Settings, memory: str
) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """Out-of-fold predictions and believed rewards by rollout id; None without a checkpoint."""
    folder = latest_checkpoint(stores, settings, memory, model="memreward")
    if folder is None:
        return None, None
    # Torch is imported only where there is a model.
    from gnn.checkpoints import load_checkpoint
    from gnn.jobs.resumable_training import whole_graph
    from gnn.labelling import predict_unseen
    from gnn.models.memreward import MemrewardModel

    graph = whole_graph(stores, settings, memory)
    model, _ = load_checkpoint(folder, encoder=graph.encoder)
    assert isinstance(model, MemrewardModel)
    value_R, reward_R = predict_unseen(model, graph), model.trust.believed(graph).verified_R
    return (
        dict(zip(graph.rollout_id_R, value_R.tolist(), strict=True)),
        dict(zip(graph.rollout_id_R, reward_R.tolist(), strict=True)),
    )
