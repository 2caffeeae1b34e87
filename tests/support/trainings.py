"""Memories that models are trained on, and what is left of a training."""

import shutil
from pathlib import Path

from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.outbox.deletion import delete_memory
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings


def filled(memory: MemoryUnderTest) -> None:
    rollouts = make_rollouts(48, 4)
    memory.add(rollouts, labelled=frozenset(r.query for r in rollouts[: len(rollouts) // 2]))


def empty(memory: MemoryUnderTest, settings: Settings) -> None:
    delete_memory(memory.stores, memory.name)
    shutil.rmtree(checkpoint_folder(settings, memory.name), ignore_errors=True)


def weights(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.safetensors"))}
