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


def runs_folder(settings: Settings, memory: str | None) -> Path:
    """Where the GRPO runs of a memory are, a folder each; those without a memory share one."""
    return settings.home / HomeName.RUNS / (memory or "-")


def run_folder(settings: Settings, memory: str | None, run: str) -> Path:
    """Where a GRPO run keeps its policy, log and curves."""
    return runs_folder(settings, memory) / run


def comparisons_folder(settings: Settings) -> Path:
    """Where all comparisons are, a folder each."""
    return settings.home / HomeName.COMPARISONS


def comparison_folder(settings: Settings, name: str) -> Path:
    """Where a comparison keeps its runs and its result."""
    return comparisons_folder(settings) / name


def reports_folder(settings: Settings) -> Path:
    """Where pages are written by default, and rejected rows."""
    return settings.home / HomeName.REPORTS


def report_folder(settings: Settings, name: str) -> Path:
    """Where an HTML report is written by default."""
    return reports_folder(settings) / name
