"""Which checkpoint of a memory is meant, and where it is."""

from pathlib import Path

from memstore import Settings
from memstore.changes import list_models
from memstore.db import Stores
from memstore.servers import checkpoint_folder
from schema.errors import CheckpointError


def latest_checkpoint(
    stores: Stores,
    settings: Settings,
    memory: str,
    version: str | None = None,
    *,
    model: str | None = None,
) -> Path | None:
    """As `find_checkpoint`; None if the memory has no checkpoint yet and none was named."""
    known = _known(stores, memory, model)
    if version is None and not known:
        return None
    return _chosen(settings, memory, version, model, known)


def find_checkpoint(
    stores: Stores,
    settings: Settings,
    memory: str,
    version: str | None = None,
    *,
    model: str | None = None,
) -> Path:
    """Folder of a memory's checkpoint; its name is the version.

    Args:
        stores: both databases.
        settings: tell where the checkpoints are.
        memory: whose checkpoint.
        version: which; None: the latest.
        model: consider checkpoints of this model only; None: of all.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if the memory knows no such checkpoint.
    """
    return _chosen(settings, memory, version, model, _known(stores, memory, model))


def _known(stores: Stores, memory: str, model: str | None) -> list[str]:
    """Versions, the latest first."""
    return [
        version
        for version, manifest in list_models(stores, memory)
        if model is None or manifest["model"] == model
    ]


def _chosen(
    settings: Settings, memory: str, version: str | None, model: str | None, known: list[str]
) -> Path:
    if not known or (version is not None and version not in known):
        wanted = f"model {version}" if version else f"{model} model" if model else "model"
        enough = ", with enough labels that it does not just move the prior" if model else ""
        raise CheckpointError(
            f"memory {memory!r} knows no {wanted} (it knows: {', '.join(known) or 'none'}): run "
            f"`memreward train --memory {memory}`{enough}"
        )
    return checkpoint_folder(settings, memory) / (version or known[0])
