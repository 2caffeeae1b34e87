"""One local Ray for the tests of a session, and memories on it."""

import os
from collections.abc import Iterator
from typing import Any

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
def _cluster(_own_environment: None) -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    utils = pytest.importorskip("ray.cluster_utils")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")]))
        cluster = utils.Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 2,
                "include_dashboard": False,
                "object_store_memory": 200 << 20,
            },
        )
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="session")
def local_ray(_cluster: Any) -> None:
    """A Ray of one node."""


@pytest.fixture
def three_nodes(_cluster: Any) -> Iterator[None]:
    """A Ray of three nodes, whose processes are all on this machine."""
    added = [_cluster.add_node(num_cpus=1, object_store_memory=100 << 20) for _ in range(2)]
    _cluster.wait_for_nodes()
    yield
    for node in added:
        _cluster.remove_node(node)


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
