"""One local Ray for the tests of a session, and memories on it."""

import os
from collections.abc import Iterator

import pytest
from support.rollout_factory import make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings


@pytest.fixture(scope="session")
def local_ray(_own_environment: None) -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")]))
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=200 << 20,
            log_to_driver=False,
            configure_logging=False,
        )
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def trained(stores: Stores, server_settings: Settings) -> Iterator[MemoryUnderTest]:
    """One memory for all tests of a module: starting actors takes seconds."""
    memory = MemoryUnderTest(stores, "on-ray")
    memory.add(make_rollouts(16, 4), labelled=None)
    register(memory, server_settings, small_model())
    yield memory
    delete_memory(stores, memory.name)


@pytest.fixture(scope="module")
def on_ray(
    trained: MemoryUnderTest, server_settings: Settings, local_ray: None
) -> Iterator[RayMemory]:
    memory = RayMemory(trained.name, run="run-1", settings=server_settings)
    yield memory
    memory.stop()
    left = ray_library().util.list_named_actors(all_namespaces=True)
    assert left == [], "stop ends all actors of the memory"
