"""Where memreward keeps files outside the databases."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from memstore import HomeName, Settings

#: The sample of real rollouts that comes with memreward.
SAMPLE: Final = Path(str(files("memreward") / "data" / "rollouts-gym.parquet"))


def checkpoints_folder(settings: Settings) -> Path:
    """Where the checkpoints of all memories are, a folder each."""
    return settings.home / HomeName.CHECKPOINTS


def checkpoint_folder(settings: Settings, memory: str) -> Path:
    """Where the checkpoints of a memory are."""
    return checkpoints_folder(settings) / memory


def snapshot_folder(settings: Settings) -> Path:
    """Where the snapshots of all memories are."""
    return settings.home / HomeName.SNAPSHOTS


def training_folder(settings: Settings, memory: str) -> Path:
    """Where a training of a memory keeps its progress."""
    return settings.home / HomeName.TRAINING / memory


def run_folder(settings: Settings, memory: str | None, run: str) -> Path:
    """Where a GRPO run keeps its policy, log and curves; those without a memory share a folder."""
    return settings.home / HomeName.RUNS / (memory or "-") / run


def comparison_folder(settings: Settings, name: str) -> Path:
    """Where a comparison keeps its runs and its result."""
    return settings.home / HomeName.COMPARISONS / name


def report_folder(settings: Settings, name: str) -> Path:
    """Where an HTML report is written by default."""
    return settings.home / HomeName.REPORTS / name
