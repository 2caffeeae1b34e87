"""Training and propagation as jobs: from a stored graph to a checkpoint, from there to rewards."""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gnn.checkpoint import Manifest, load_checkpoint, save_checkpoint
from gnn.model_base import FitReport, ProgressReport
from gnn.registry import reward_model
from memreward.places import checkpoint_folder
from memstore.read_graph import read_graph
from memstore.rewards import list_models, register_model, write_propagated
from memstore.settings import Settings
from memstore.stores import Stores
from schema.errors import CheckpointError
from schema.memory_graph import Floats
from schema.reward import PropagatedReward

DEFAULT_MODEL = "memreward"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint that the memory knows."""

    manifest: Manifest
    report: FitReport
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Propagated:
    """What a propagation wrote."""

    version: str
    rewards: int
    verified: int
    mean: float


def train_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    progress: ProgressReport,
    *,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
) -> Trained:
    """Fit a model on what is verified in a memory and keep it as a checkpoint.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such model.
        TrainingError: if too little is verified.
    """
    fitted = reward_model(model)()
    graph = read_graph(stores, memory)
    report = fitted.fit(graph, seed=seed, progress=progress)
    folder = checkpoint_folder(settings, memory)
    fresh = folder / f".fresh-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    manifest = save_checkpoint(fresh, fitted, graph, report, seed=seed)
    kept = folder / manifest.version
    if kept.exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(kept)
    register_model(stores, memory, manifest.version, asdict(manifest))
    return Trained(manifest=manifest, report=report, folder=kept)


def propagate_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    progress: ProgressReport,
    *,
    version: str | None = None,
) -> Propagated:
    """Give every unlabelled answer of a memory its propagated reward.

    Args:
        stores: both databases.
        settings: tell where the checkpoints are.
        memory: whose answers.
        progress: told how far it is.
        version: which checkpoint; None: the latest.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if there is no such checkpoint, or it is damaged.
    """
    known = [name for name, _ in list_models(stores, memory)]
    if not known or (version is not None and version not in known):
        raise CheckpointError(
            f"memory {memory!r} knows no model {version or ''}".rstrip()
            + f" (it knows: {', '.join(known) or 'none'}): run `memreward train --memory {memory}`"
        )
    version = version or known[0]
    graph = read_graph(stores, memory)
    model, _ = load_checkpoint(checkpoint_folder(settings, memory) / version, encoder=graph.encoder)
    probability_R = model.predict(graph)
    confidence_R = certainty(probability_R)
    unlabelled = np.flatnonzero(~graph.labelled_R & ~np.isnan(probability_R))
    rewards = [
        PropagatedReward(
            rollout_id=graph.rollout_id_R[row],
            value=float(probability_R[row]),
            confidence=float(confidence_R[row]),
            model=version,
        )
        for row in unlabelled
    ]
    write_propagated(
        stores, memory, rewards, lambda done, total: progress("write rewards", done, total)
    )
    return Propagated(
        version=version,
        rewards=len(rewards),
        verified=int(graph.labelled_R.sum()),
        mean=float(probability_R[unlabelled].mean()) if rewards else float("nan"),
    )


def certainty(probability_N: Floats) -> Floats:
    """1 minus the entropy of each probability in bits, in [0, 1]; NaN stays NaN."""
    p = np.clip(probability_N, 1e-7, 1 - 1e-7).astype(np.float64)
    return (1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)).clip(0, 1).astype(np.float32)
