"""Training and propagation as jobs: from a stored graph to a checkpoint, from there to rewards."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gnn.base import ProgressReport
from gnn.checkpoints import load_caution, load_checkpoint
from gnn.confidence import Opinions, certainty, opinions_of
from gnn.jobs.resumable_training import Trained, keep, train_on_course
from gnn.models import reward_model
from gnn.models.memreward import MemrewardModel
from memstore import Settings
from memstore.changes import list_models, write_propagated
from memstore.db import Stores
from memstore.reads import read_graph
from memstore.servers import checkpoint_folder
from schema.errors import CheckpointError, InputError
from schema.memory_graph import MemoryGraph
from schema.reward import PropagatedReward

DEFAULT_MODEL = "memreward"


@dataclass(frozen=True, kw_only=True)
class Propagated:
    """What a propagation wrote."""

    version: str
    rewards: int
    verified: int
    mean: float
    #: Rollouts of queries unlike anything labelled, which got "no opinion".
    unlike: int
    #: The others that got it, since their value lies between the thresholds of a precision.
    unsure: int


def train_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    progress: ProgressReport,
    *,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    resume: bool = False,
) -> Trained:
    """Fit a model on what is verified in a memory and keep it as a checkpoint.

    The default model reads the queries of which something is verified or preferred, and no others.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: whose rewards.
        progress: told how far it is.
        model: its name.
        seed: of weights, batches and divisions; a training that goes on has its own.
        resume: go on with an interrupted training, or from the last checkpoint.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such model, or it cannot resume.
        CheckpointError: if there is nothing to resume.
        TrainingError: if too little is verified.
    """
    fitted = reward_model(model)()
    if isinstance(fitted, MemrewardModel):
        return train_on_course(
            stores, settings, memory, progress, model=fitted, seed=seed, resume=resume
        )
    if resume:
        raise InputError(
            f"the model {model!r} cannot resume: train it without --resume; {DEFAULT_MODEL!r} can"
        )
    graph = read_graph(stores, memory)
    report = fitted.fit(graph, seed=seed, progress=progress)
    return keep(stores, settings, fitted, graph, report, seed=seed)


def propagate_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    progress: ProgressReport,
    *,
    version: str | None = None,
    precision: float | None = None,
) -> Propagated:
    """Give every unlabelled answer of a memory its propagated reward, or "no opinion".

    Args:
        stores: both databases.
        settings: tell where the checkpoints are.
        memory: whose answers.
        progress: told how far it is.
        version: which checkpoint; None: the latest.
        precision: say nothing of answers that are neither right nor wrong with this precision.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if there is no such checkpoint, or it is damaged.
        InputError: if the model cannot tell a precision, or this is none.
    """
    known = [name for name, _ in list_models(stores, memory)]
    if not known or (version is not None and version not in known):
        raise CheckpointError(
            f"memory {memory!r} knows no model {version or ''}".rstrip()
            + f" (it knows: {', '.join(known) or 'none'}): run `memreward train --memory {memory}`"
        )
    version = version or known[0]
    graph = read_graph(stores, memory)
    opinions = _opinions(checkpoint_folder(settings, memory) / version, graph, precision)
    unlabelled_R = ~graph.labelled_R & ~np.isnan(opinions.value_R)
    rewards = [
        _reward(graph, opinions, row, version) for row in np.flatnonzero(unlabelled_R).tolist()
    ]
    write_propagated(
        stores, memory, rewards, lambda done, total: progress("write rewards", done, total)
    )
    spoken_R, unlike_R = unlabelled_R & ~opinions.no_opinion_R, unlabelled_R & opinions.unlike_R
    return Propagated(
        version=version,
        rewards=int(spoken_R.sum()),
        verified=int(graph.labelled_R.sum()),
        mean=float(opinions.value_R[spoken_R].mean()) if spoken_R.any() else float("nan"),
        unlike=int(unlike_R.sum()),
        unsure=int((unlabelled_R & opinions.no_opinion_R & ~unlike_R).sum()),
    )


def _opinions(folder: Path, graph: MemoryGraph, precision: float | None) -> Opinions:
    """What the checkpoint in `folder` says of the rollouts of `graph`."""
    model, _ = load_checkpoint(folder, encoder=graph.encoder)
    caution = load_caution(folder)
    value_R = model.predict(graph)
    if caution is not None:
        return opinions_of(value_R, caution, graph, precision=precision)
    if precision is not None:
        raise CheckpointError(
            f"{folder} was written without thresholds for a precision: run `memreward train`"
        )
    nothing_R = np.zeros(len(value_R), dtype=np.bool_)
    return Opinions(
        value_R=value_R,
        confidence_R=certainty(value_R),
        no_opinion_R=np.isnan(value_R),
        unlike_R=nothing_R,
    )


def _reward(graph: MemoryGraph, opinions: Opinions, row: int, version: str) -> PropagatedReward:
    """The reward of one rollout; of no opinion one is not confident at all."""
    silent = bool(opinions.no_opinion_R[row])
    return PropagatedReward(
        rollout_id=graph.rollout_id_R[row],
        value=None if silent else float(opinions.value_R[row]),
        confidence=0.0 if silent else float(opinions.confidence_R[row]),
        model=version,
    )
