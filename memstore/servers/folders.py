"""Where memreward keeps files beside the databases."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from memstore import Settings

#: The sample of real rollouts that comes with memreward.
SAMPLE: Final = Path(str(files("memreward") / "data" / "rollouts-gym.parquet"))


def checkpoint_folder(settings: Settings, memory: str) -> Path:
    """Where the checkpoints of a memory are."""
    return settings.home / "checkpoints" / memory


def snapshot_folder(settings: Settings) -> Path:
    """Where the snapshots of all memories are."""
    return settings.home / "snapshots"


def training_folder(settings: Settings, memory: str) -> Path:
    """Where a training of a memory keeps how far it has come."""
    return settings.home / "training" / memory
