"""Training and propagation as jobs: from a stored graph to a checkpoint, from there to rewards."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from gnn.base import ProgressReport, refuse_forgotten
from gnn.checkpoints import LoadedModel, latest_checkpoint
from gnn.confidence import predict
from gnn.jobs.resumable_training import (
    Trained,
    keep,
    train_on_course,
    train_prior,
    whole_graph,
)
from gnn.jobs.training_processes import TrainMembers, train_in_processes
from gnn.models import reward_model
from gnn.models.memreward import MemrewardModel
from memstore import Settings
from memstore.changes import write_propagated
from memstore.db import Stores
from memstore.reads import read_graph
from memstore.shards import Shards, write_in_shards
from schema.errors import InputError
from schema.memory_graph import MemoryGraph

DEFAULT_MODEL = "memreward"


@dataclass(frozen=True, kw_only=True)
class Propagated:
    """What a propagation wrote."""

    version: str
    rewards: int
    verified: int
    mean: float
    #: Rollouts on which the model abstained, since their queries are unlike anything labelled.
    out_of_distribution: int
    #: The others on which it abstained: their values lie between the thresholds of a precision.
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
    shards: Shards | None = None,
    processes: int = 1,
    members: TrainMembers | None = None,
) -> Trained:
    """Fit a model on what is verified in a memory and keep it as a checkpoint.

    The default model reads the queries of which something is verified or preferred, and no others.
    Where they are too few for it, the prior that comes with the package is kept instead, moved by
    what is verified.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: whose rewards.
        progress: told how far it is.
        model: its name.
        seed: of weights, batches and divisions; a training that is resumed has its own.
        resume: continue an interrupted training, or start from the last checkpoint; where there is
            neither, train from nothing.
        shards: of a memory that is divided; `memory` is its first one, which notes the checkpoint.
        processes: how many train the default model's members, on a GPU each where there are GPUs;
            the model is the same to the bit.
        members: trains the default model's members elsewhere, in place of `processes`.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such model, or it cannot resume, or takes one process.
        CheckpointError: if the checkpoint to resume is damaged.
        TrainingError: if one of several processes died; if too little is verified for another
            model than the default, or it reads embeddings that are forgotten.
    """
    fitted = reward_model(model)()
    if isinstance(fitted, MemrewardModel):
        return train_on_course(
            stores,
            settings,
            memory,
            progress,
            model=fitted,
            seed=seed,
            resume=resume,
            shards=shards,
            members=partial(train_in_processes, processes=processes) if processes > 1 else members,
        )
    if processes > 1:
        raise InputError(
            f"the model {model!r} trains in one process: leave --processes out; "
            f"{DEFAULT_MODEL!r} takes several"
        )
    if shards is not None:
        raise InputError(
            f"the model {model!r} does not learn from a memory that is divided into shards: "
            f"{DEFAULT_MODEL!r} does"
        )
    if resume:
        raise InputError(
            f"the model {model!r} cannot resume: train it without --resume; {DEFAULT_MODEL!r} can"
        )
    graph = read_graph(stores, memory)
    refuse_forgotten(fitted, graph)
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
    shards: Shards | None = None,
) -> Propagated:
    """Give every unlabelled answer its propagated reward, or "no opinion" where the model abstains.

    A memory that was never trained is scored by the prior that comes with the package.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: whose answers.
        progress: told how far it is.
        version: which checkpoint; None: the latest.
        precision: abstain from answers that are neither right nor wrong with this precision.
        shards: of a memory that is divided; `memory` is its first one, which knows the checkpoints.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if there is no such checkpoint, or it is damaged.
        InputError: if the model cannot tell a precision, or this is none.
    """
    folder = latest_checkpoint(stores, settings, memory, version)
    graph = whole_graph(stores, settings, memory, shards)
    if folder is None:
        folder = train_prior(stores, settings, graph).folder
    loaded = LoadedModel.load(folder, graph.encoder)
    found = predict(loaded.model, loaded.policy, graph, precision=precision)
    unlabelled_R = ~graph.labelled_R & ~np.isnan(found.value_R)
    rewards = found.to_rewards(loaded.version, unlabelled_R)
    written = partial(progress, "write rewards")
    if shards is None:
        write_propagated(stores, memory, rewards, written)
    else:
        write_in_shards(shards, rewards, _query_of(graph), written)
    told_R = unlabelled_R & ~found.abstained_R
    strange_R = unlabelled_R & found.out_of_distribution_R
    return Propagated(
        version=loaded.version,
        rewards=int(told_R.sum()),
        verified=int(graph.labelled_R.sum()),
        mean=float(found.value_R[told_R].mean()) if told_R.any() else float("nan"),
        out_of_distribution=int(strange_R.sum()),
        unsure=int((unlabelled_R & found.abstained_R & ~strange_R).sum()),
    )


def _query_of(graph: MemoryGraph) -> dict[str, str]:
    """Id of the query of each rollout, by the rollout's id."""
    queries = (graph.query_id_Q[query] for query in graph.query_of_rollout_R.tolist())
    return dict(zip(graph.rollout_id_R, queries, strict=True))
