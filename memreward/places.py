"""Where memreward keeps files beside the databases."""

from pathlib import Path

from memstore.settings import Settings


def checkpoint_folder(settings: Settings, memory: str) -> Path:
    """Where the checkpoints of a memory are."""
    return settings.home / "checkpoints" / memory
