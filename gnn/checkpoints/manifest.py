"""What is written about a checkpoint, and how its files are called and checked."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schema.errors import CheckpointError

TENSORS: Final = "model.safetensors"
MANIFEST: Final = "manifest.json"
#: What resuming the training needs, and nothing else does.
TRAINING: Final = "training.safetensors"
#: Before the names of the abstention policy's tensors, which lie with the model's.
POLICY_PREFIX: Final = "caution."

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
    #: Of a memory that is divided, that of each shard; `seq` is their sum.
    shard_seqs: list[int] = field(default_factory=list)
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
    #: State of the AbstentionPolicy; None: there is none, and the model never abstains.
    caution: dict[str, Any] | None = None
    #: SHA-256 of the file for going on with the training; None: there is none.
    training: str | None = None
    #: Version that the training went on from; None: it began from nothing.
    resumed: str | None = None
    #: What it learned from (see gnn.models.memreward.training_state.fingerprint); None for
    #: models that cannot resume.
    learned_from: str | None = None
    #: Labels of the graph that were taken over from rollouts which conclude the same.
    n_taken_over: int = 0

    @property
    def version(self) -> str:
        """Name of the model with what tells two fits apart: `published-3f2a90c1d4e8`."""
        return f"{self.model}-{self.sha256[:12]}"


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
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged ({error}): train again") from error


def checksum(
    data: bytes, model: str, config: Mapping[str, Any], policy: Mapping[str, Any] | None
) -> str:
    """SHA-256 of the tensors, the model's name and the two configurations."""
    hasher = hashlib.sha256(data)
    hasher.update(json.dumps([model, config, policy], sort_keys=True, allow_nan=False).encode())
    return hasher.hexdigest()
