"""One local Ray for the tests of a session, and memories on it."""

import os
from collections.abc import Iterator

import pytest
from support.store_fixtures import MemoryUnderTest

from memreward.cluster.ray_memory import RayMemory
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


@pytest.fixture
def on_ray(
    trained: MemoryUnderTest, server_settings: Settings, local_ray: None
) -> Iterator[RayMemory]:
    memory = RayMemory(trained.name, run="run-1", settings=server_settings)
    yield memory
    memory.stop()
