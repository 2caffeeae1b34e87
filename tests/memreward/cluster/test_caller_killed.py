"""A process that has a memory learn on Ray is killed: its tasks end, and the next one goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ray_kills import processes
from support.store_fixtures import MemoryUnderTest
from support.trainings import empty, filled, weights

from gnn.base import no_progress
from gnn.jobs import train_memory
from memreward.cluster.ray_memory import RayMemory
from memstore.changes.propagated_rewards import list_models
from memstore.db.stores import Stores
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def memory(stores: Stores, server_settings: Settings) -> Iterator[MemoryUnderTest]:
    made = MemoryUnderTest(stores, "caller-killed")
    yield made
    empty(made, server_settings)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.faults
def test_the_next_call_ends_what_a_dead_one_began(
    memory: MemoryUnderTest, server_settings: Settings, _cluster: Any, local_ray: None
) -> None:
    filled(memory)
    alone = train_memory(memory.stores, server_settings, memory.name, no_progress)
    expected = weights(alone.folder)
    empty(memory, server_settings)
    filled(memory)
    on_ray = RayMemory(memory.name, run="run-1", settings=server_settings)
    arguments = [_cluster.address, memory.name, str(server_settings.home)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    caller = subprocess.Popen(
        [sys.executable, "-m", "support.ray_caller", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
    )
    try:
        wait_until(lambda: bool(processes("train_member")), 120)
        assert caller.poll() is None
        caller.kill()
        caller.wait()
        wait_until(lambda: not processes("train_member") and not processes("TrainActor"), 60)
        assert list_models(memory.stores, memory.name) == []
        version = on_ray.learn()
        assert version == alone.manifest.version
        assert weights(checkpoint_folder(server_settings, memory.name) / version) == expected
        assert [found for found, _ in list_models(memory.stores, memory.name)] == [version]
    finally:
        caller.kill()
        caller.wait()
        on_ray.stop()
