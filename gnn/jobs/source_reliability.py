"""How reliable a memory's model found each source of verified rewards."""

from gnn.checkpoints import latest_checkpoint, read_manifest
from gnn.sources import SourceTrust
from memstore import Settings
from memstore.db import Stores


def source_trust(stores: Stores, settings: Settings, memory: str) -> SourceTrust | None:
    """As of the latest training of the default model; None if there was none that told sources.

    Raises:
        CheckpointError: if the checkpoint is missing or damaged.
    """
    folder = latest_checkpoint(stores, settings, memory, model="memreward")
    if folder is None:
        return None
    found = read_manifest(folder).config.get("sources")
    return None if found is None else SourceTrust.from_json(found)
