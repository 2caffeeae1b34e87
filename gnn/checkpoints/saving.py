"""A fitted model to a folder: safetensors and a JSON manifest, all of it or nothing.

Nothing is pickled, so that loading a checkpoint never runs code from it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from gnn.base import FitReport, RewardModel
from gnn.checkpoints.manifest import (
    MANIFEST,
    POLICY_PREFIX,
    TENSORS,
    TRAINING,
    Manifest,
    checksum,
)
from gnn.confidence import AbstentionPolicy
from gnn.sources import taken_over
from schema.errors import CheckpointError
from schema.memory_graph import MemoryGraph


def save_checkpoint(
    folder: Path,
    model: RewardModel,
    graph: MemoryGraph,
    report: FitReport,
    *,
    seed: int,
    policy: AbstentionPolicy | None = None,
    training: Mapping[str, Tensor] | None = None,
    resumed: str | None = None,
    learned_from: str | None = None,
) -> Manifest:
    """Write `model`, fitted on `graph`, as the new folder `folder`.

    The folder appears complete or not at all.

    Args:
        folder: to be made.
        model: what was fitted.
        graph: what it was fitted on.
        report: what its `fit` returned.
        seed: that it was fitted with.
        policy: when it abstains.
        training: what resuming the training needs.
        resumed: version that the training was resumed from.
        learned_from: fingerprint of what was learned from.

    Raises:
        CheckpointError: if `folder` exists or cannot be written.
    """
    tensors, config = model.state()
    policy_tensors, policy_config = ({}, None) if policy is None else policy.state()
    tensors = tensors | {f"{POLICY_PREFIX}{key}": t for key, t in policy_tensors.items()}
    data = save({key: tensor.contiguous() for key, tensor in tensors.items()})
    files = {TENSORS: data}
    if training is not None:
        files[TRAINING] = save({key: tensor.contiguous() for key, tensor in training.items()})
    manifest = Manifest(
        model=model.name,
        features=list(model.features),
        encoder=graph.encoder,
        memory=graph.memory,
        seq=graph.seq,
        shard_seqs=list(graph.shard_seqs),
        seed=seed,
        n_labelled_rollouts=report.n_rollouts,
        n_labelled_queries=report.n_queries,
        n_validation_queries=report.n_validation_queries,
        epochs=report.epochs,
        best_epoch=report.best_epoch,
        metrics=dict(report.metrics),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sha256=checksum(data, model.name, config, policy_config),
        config=config,
        caution=policy_config,
        training=None if training is None else hashlib.sha256(files[TRAINING]).hexdigest(),
        resumed=resumed,
        learned_from=learned_from,
        n_taken_over=int(taken_over(graph).sum()),
    )
    text = json.dumps(asdict(manifest), indent=2, allow_nan=False)
    _write_folder(folder, {**files, MANIFEST: text.encode()})
    return manifest


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` with `files` in one rename, on disk before it is seen."""
    if folder.exists():
        raise CheckpointError(f"{folder} exists already: name another folder")
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, data in files.items():
            with (part / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        part.rename(folder)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {folder} ({error.strerror}): make room or name another folder"
        ) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)
