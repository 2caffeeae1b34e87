"""A fitted model from a folder, refused where it does not fit the memory or this version."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from gnn.base import RewardModel
from gnn.checkpoints.manifest import (
    POLICY_PREFIX,
    TENSORS,
    TRAINING,
    Manifest,
    checksum,
    read_manifest,
)
from gnn.confidence import AbstentionPolicy
from gnn.models import REWARD_MODELS
from schema.errors import CheckpointError


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A checkpoint, ready to predict."""

    version: str
    model: RewardModel
    policy: AbstentionPolicy | None

    @classmethod
    def load(cls, folder: Path, encoder: str) -> Self:
        """The checkpoint in `folder`, whose name is its version.

        Raises:
            CheckpointError: if it is missing, damaged, or of another encoder.
        """
        model, _ = load_checkpoint(folder, encoder=encoder)
        return cls(version=folder.name, model=model, policy=load_policy(folder))


def load_checkpoint(
    folder: Path, *, encoder: str, features: tuple[str, ...] | None = None
) -> tuple[RewardModel, Manifest]:
    """The model in `folder`, for a memory stamped with `encoder`.

    Args:
        folder: a checkpoint.
        encoder: name of the memory's text encoder.
        features: the inputs that the model must have been fitted with; None: its own.

    Raises:
        CheckpointError: if it is missing, damaged, of an unknown model, or was made for another
            encoder or feature set.
    """
    manifest = read_manifest(folder)
    if manifest.model not in REWARD_MODELS:
        raise CheckpointError(
            f"{folder} holds a model {manifest.model!r}, which this version does not know: it "
            f"knows {', '.join(REWARD_MODELS)}; train again"
        )
    if manifest.encoder != encoder:
        raise CheckpointError(
            f"{folder} was trained on embeddings of {manifest.encoder!r} and the memory has "
            f"{encoder!r}: train a model on this memory"
        )
    model = _load_model(folder, manifest)
    if list(features or model.features) != manifest.features:
        raise CheckpointError(
            f"{folder} was trained on {len(manifest.features)} features "
            f"({', '.join(manifest.features[:3])}, ...) that are not those in use: train again"
        )
    return model, manifest


def load_policy(folder: Path) -> AbstentionPolicy | None:
    """When the model in `folder` abstains; None if that was not kept.

    Raises:
        CheckpointError: if the checkpoint is missing or damaged.
    """
    manifest = read_manifest(folder)
    if manifest.caution is None:
        return None
    _, policy_tensors = _read_tensors(folder, manifest)
    try:
        return AbstentionPolicy.from_state(policy_tensors, manifest.caution)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} does not fit this version of memreward ({error}): train again"
        ) from error


def load_training(folder: Path) -> dict[str, Tensor]:
    """What resuming the training of the model in `folder` needs.

    Raises:
        CheckpointError: if it was not kept, or is damaged.
    """
    manifest, path = read_manifest(folder), folder / TRAINING
    if manifest.training is None:
        raise CheckpointError(
            f"{folder} was written without what resuming needs: run `memreward train` without "
            "--resume once"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path} ({error.strerror}): train again") from error
    if hashlib.sha256(data).hexdigest() != manifest.training:
        raise CheckpointError(f"{path} is damaged: its checksum is not the manifest's; train again")
    return load(data)


def _load_model(folder: Path, manifest: Manifest) -> RewardModel:
    """The model, if its tensors are those that the manifest was written for."""
    tensors, _ = _read_tensors(folder, manifest)
    try:
        return REWARD_MODELS[manifest.model].from_state(tensors, manifest.config)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _unfit(folder, manifest, error) from error


def _read_tensors(folder: Path, manifest: Manifest) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's tensors and its policy's, after the checksum was compared."""
    path = folder / TENSORS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path} ({error.strerror}): train again") from error
    expected = checksum(data, manifest.model, manifest.config, manifest.caution)
    if expected != manifest.sha256:
        raise CheckpointError(f"{path} is damaged: its checksum is not the manifest's; train again")
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise _unfit(folder, manifest, error) from error
    policy_tensors = {
        key.removeprefix(POLICY_PREFIX): tensors.pop(key)
        for key in list(tensors)
        if key.startswith(POLICY_PREFIX)
    }
    return tensors, policy_tensors


def _unfit(folder: Path, manifest: Manifest, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{folder} does not fit this version of {manifest.model!r} ({error}): train again"
    )
