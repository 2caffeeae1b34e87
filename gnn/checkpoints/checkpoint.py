"""A fitted model on disk: a folder with safetensors and a JSON manifest, written at once or not.

Nothing is pickled, so that loading a checkpoint never runs code from it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gnn.base import FitReport, RewardModel
from gnn.confidence import Caution
from gnn.models import REWARD_MODELS
from schema.errors import CheckpointError
from schema.memory_graph import MemoryGraph

TENSORS: Final = "model.safetensors"
MANIFEST: Final = "manifest.json"
#: What going on with the training needs, and nothing else does.
TRAINING: Final = "training.safetensors"
#: Before the names of the tensors that are not the model's.
CAUTION: Final = "caution."

#: Version of the layout; a reader refuses others.
FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a checkpoint is and where it comes from."""

    format: int = FORMAT
    model: str
    features: list[str]
    encoder: str
    memory: str
    #: Sequence number of the graph it was fitted on.
    seq: int
    seed: int
    n_labelled_rollouts: int
    n_labelled_queries: int
    n_validation_queries: int
    epochs: int
    best_epoch: int
    #: Measured on validation queries.
    metrics: dict[str, float | None]
    #: Time of writing, ISO 8601, UTC.
    created: str
    sha256: str
    config: dict[str, Any]
    #: Of gnn.confidence.abstention.Caution; None: the checkpoint has none and withholds nothing.
    caution: dict[str, Any] | None = None
    #: SHA-256 of the file for going on with the training; None: there is none.
    training: str | None = None
    #: Version that the training went on from; None: it began from nothing.
    resumed: str | None = None
    #: What it learned from (see gnn.models.memreward.training_state.fingerprint); None where nobody
    #: asks.
    learned_from: str | None = None

    @property
    def version(self) -> str:
        """Name of the model with what tells two fits apart: `published-3f2a90c1d4e8`."""
        return f"{self.model}-{self.sha256[:12]}"


def save_checkpoint(
    folder: Path,
    model: RewardModel,
    graph: MemoryGraph,
    report: FitReport,
    *,
    seed: int,
    caution: Caution | None = None,
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
        caution: when it says nothing.
        training: what going on with the training needs.
        resumed: version that the training went on from.
        learned_from: fingerprint of what was learned from.

    Raises:
        CheckpointError: if `folder` exists or cannot be written.
    """
    tensors, config = model.state()
    withheld, when = ({}, None) if caution is None else caution.state()
    tensors = tensors | {f"{CAUTION}{key}": tensor for key, tensor in withheld.items()}
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
        seed=seed,
        n_labelled_rollouts=report.n_rollouts,
        n_labelled_queries=report.n_queries,
        n_validation_queries=report.n_validation_queries,
        epochs=report.epochs,
        best_epoch=report.best_epoch,
        metrics=dict(report.metrics),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sha256=_checksum(data, model.name, config, when),
        config=config,
        caution=when,
        training=None if training is None else hashlib.sha256(files[TRAINING]).hexdigest(),
        resumed=resumed,
        learned_from=learned_from,
    )
    text = json.dumps(asdict(manifest), indent=2, allow_nan=False)
    _write_folder(folder, {**files, MANIFEST: text.encode()})
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the checkpoint in `folder`.

    Raises:
        CheckpointError: if it is missing, damaged or of another format.
    """
    path = folder / MANIFEST
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise CheckpointError(
                f"{path} has format {fields['format']}, this version reads {FORMAT}: train again"
            )
        return Manifest(**fields)
    except OSError as error:
        raise CheckpointError(
            f"no checkpoint in {folder} ({error.strerror}): run `memreward train`"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged ({error}): train again") from error


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


def load_caution(folder: Path) -> Caution | None:
    """When the model in `folder` says nothing; None if that was not kept.

    Raises:
        CheckpointError: if the checkpoint is missing or damaged.
    """
    manifest = read_manifest(folder)
    if manifest.caution is None:
        return None
    _, withheld = _read_tensors(folder, manifest)
    try:
        return Caution.from_state(withheld, manifest.caution)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} does not fit this version of memreward ({error}): train again"
        ) from error


def load_training(folder: Path) -> dict[str, Tensor]:
    """What going on with the training of the model in `folder` needs.

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
    except (KeyError, TypeError, RuntimeError) as error:
        raise _unfit(folder, manifest, error) from error


def _read_tensors(folder: Path, manifest: Manifest) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's tensors, and those of its caution, after the checksum was compared."""
    path = folder / TENSORS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path} ({error.strerror}): train again") from error
    expected = _checksum(data, manifest.model, manifest.config, manifest.caution)
    if expected != manifest.sha256:
        raise CheckpointError(f"{path} is damaged: its checksum is not the manifest's; train again")
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise _unfit(folder, manifest, error) from error
    withheld = {
        key.removeprefix(CAUTION): tensors.pop(key)
        for key in list(tensors)
        if key.startswith(CAUTION)
    }
    return tensors, withheld


def _unfit(folder: Path, manifest: Manifest, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{folder} does not fit this version of {manifest.model!r} ({error}): train again"
    )


def _checksum(
    data: bytes, model: str, config: Mapping[str, Any], caution: Mapping[str, Any] | None
) -> str:
    """SHA-256 of the tensors, the model's name and the two configurations."""
    hasher = hashlib.sha256(data)
    hasher.update(json.dumps([model, config, caution], sort_keys=True, allow_nan=False).encode())
    return hasher.hexdigest()


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
