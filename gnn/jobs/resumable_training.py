"""Training of the default model as a job that can be interrupted, and can learn on."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock
from torch import Tensor

from gnn.base import FitReport, ProgressReport, RewardModel, n_labelled_queries
from gnn.checkpoints import Manifest, load_training, read_manifest, save_checkpoint
from gnn.confidence import AbstentionPolicy
from gnn.features import KeptFeatures
from gnn.jobs.training_processes import SharedTraining, TrainMembers
from gnn.models import PriorModel
from gnn.models.memreward import Course, MemrewardModel, Note, fingerprint, read_note
from memstore import Settings
from memstore.changes import list_models, register_model
from memstore.db import Stores, get_memory
from memstore.servers import checkpoint_folder, snapshot_folder, training_folder
from memstore.shards import Shards
from memstore.snapshot import (
    ShardedSnapshotCache,
    Snapshot,
    SnapshotCache,
    training_cut,
    whole,
)
from schema.memory_graph import MemoryGraph

#: Folder of the saved states of an interrupted training, next to the lock.
UNFINISHED: Final = "unfinished"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A checkpoint that the memory knows."""

    manifest: Manifest
    report: FitReport
    folder: Path
    #: False: nothing was said since it was trained, so that it stays.
    new: bool = True


def train_on_course(
    stores: Stores,
    settings: Settings,
    memory: str,
    progress: ProgressReport,
    *,
    model: MemrewardModel,
    seed: int,
    resume: bool,
    shards: Shards | None = None,
    members: TrainMembers | None = None,
) -> Trained:
    """Fit the default model, or resume; see `gnn.jobs.train_and_propagate.train_memory`."""
    with _one_training(stores, settings, memory) as unfinished:
        graph = training_graph(stores, settings, memory, shards)
        if _labelled_queries(graph) < model.fewest_queries:
            return train_prior(stores, settings, whole_graph(stores, settings, memory, shards))
        learns_from = fingerprint(graph, model.config)
        interrupted = read_note(unfinished) if resume else None
        if interrupted is not None and interrupted.learns_from == learns_from:
            note = interrupted
        else:
            shutil.rmtree(unfinished, ignore_errors=True)
            resumed = resumable(stores, memory, graph.encoder) if resume else None
            if resumed is not None:
                manifest = read_manifest(checkpoint_folder(settings, memory) / resumed)
                if manifest.learned_from == learns_from:
                    return _unchanged(settings, manifest)
            seed = seed if interrupted is None else interrupted.seed
            note = Note(learns_from=learns_from, seed=seed, resumed=resumed)
        training = SharedTraining(
            graph=graph,
            config=model.config,
            note=note,
            folder=unfinished,
            checkpoints=checkpoint_folder(settings, memory),
        )
        trained = _train(stores, settings, training, members, progress)
    return trained


def train_prior(stores: Stores, settings: Settings, graph: MemoryGraph) -> Trained:
    """Keep the prior that comes with the package as a checkpoint; the labels of `graph` move it."""
    model = PriorModel()
    report = model.fit(graph, seed=0)
    return keep(stores, settings, model, graph, report, seed=0)


def _labelled_queries(graph: MemoryGraph) -> int:
    usable_R = graph.labelled_R & (graph.query_of_rollout_R >= 0)
    return n_labelled_queries(graph, usable_R)


def _train(
    stores: Stores,
    settings: Settings,
    training: SharedTraining,
    members: TrainMembers | None,
    progress: ProgressReport,
) -> Trained:
    course = Course(training.folder, training.note)
    if members is not None:
        members(training, progress)
    model, graph, note = training.model(), training.graph, training.note
    if training.checkpoint is None:
        report = model.fit(graph, seed=note.seed, progress=progress, course=course)
    else:
        optimisers = load_training(training.checkpoint)
        report = model.resume(
            graph, optimisers=optimisers, seed=note.seed, progress=progress, course=course
        )
    trained = keep(
        stores,
        settings,
        model,
        graph,
        report,
        seed=note.seed,
        training=model.training_state(),
        resumed=note.resumed,
        learned_from=note.learns_from,
    )
    course.remove()
    return trained


def _unchanged(settings: Settings, manifest: Manifest) -> Trained:
    """The checkpoint of just these labels, with what its manifest says of its training."""
    report = FitReport(
        n_rollouts=manifest.n_labelled_rollouts,
        n_queries=manifest.n_labelled_queries,
        n_validation_queries=manifest.n_validation_queries,
        epochs=manifest.epochs,
        best_epoch=manifest.best_epoch,
        seconds=0.0,
        metrics=manifest.metrics,
    )
    folder = checkpoint_folder(settings, manifest.memory) / manifest.version
    return Trained(manifest=manifest, report=report, folder=folder, new=False)


def training_graph(
    stores: Stores, settings: Settings, memory: str, shards: Shards | None = None
) -> MemoryGraph:
    """What the default model learns from: the snapshot around what is verified or preferred."""
    snapshot = _snapshot(stores, settings, memory, shards)
    part = training_cut(stores, snapshot, MemrewardModel.reach, shards)
    return KeptFeatures(snapshot.files.folder).fill(part)


def whole_graph(
    stores: Stores, settings: Settings, memory: str, shards: Shards | None = None
) -> MemoryGraph:
    """All of a memory, from its snapshot.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    snapshot = _snapshot(stores, settings, memory, shards)
    return KeptFeatures(snapshot.files.folder).fill(whole(snapshot))


def _snapshot(stores: Stores, settings: Settings, memory: str, shards: Shards | None) -> Snapshot:
    home = snapshot_folder(settings)
    if shards is not None:
        return ShardedSnapshotCache(shards, home).snapshot
    return SnapshotCache(stores, memory, home).snapshot


def keep(
    stores: Stores,
    settings: Settings,
    model: RewardModel,
    graph: MemoryGraph,
    report: FitReport,
    *,
    seed: int,
    training: Mapping[str, Tensor] | None = None,
    resumed: str | None = None,
    learned_from: str | None = None,
) -> Trained:
    """Write a fitted model as a checkpoint, and tell the memory of it."""
    folder = checkpoint_folder(settings, graph.memory)
    fresh = folder / f".fresh-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    manifest = save_checkpoint(
        fresh,
        model,
        graph,
        report,
        seed=seed,
        policy=None if isinstance(model, PriorModel) else AbstentionPolicy.fit(graph, report),
        training=training,
        resumed=resumed,
        learned_from=learned_from,
    )
    kept = folder / manifest.version
    if kept.exists():
        shutil.rmtree(fresh)
    else:
        fresh.rename(kept)
    register_model(stores, graph.memory, manifest.version, asdict(manifest))
    return Trained(manifest=manifest, report=report, folder=kept)


@contextmanager
def _one_training(stores: Stores, settings: Settings, memory: str) -> Iterator[Path]:
    """Folder of an interrupted training; others that train this memory wait for it."""
    get_memory(stores, memory)
    folder = training_folder(settings, memory)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        yield folder / UNFINISHED


def resumable(stores: Stores, memory: str, encoder: str) -> str | None:
    """The latest checkpoint of the default model that keeps what resuming needs, if any does."""
    for version, manifest in list_models(stores, memory):
        same = (manifest.get("model"), manifest.get("encoder")) == (MemrewardModel.name, encoder)
        if same and manifest.get("training") is not None:
            return version
    return None
