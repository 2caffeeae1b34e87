"""Training on a local Ray of three nodes: the model of one process to the bit, also after kills."""

import threading
from collections.abc import Iterator

import pytest
from support.divided import delete_all
from support.ray_kills import kill_each
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest
from support.trainings import empty, filled, weights

from gnn.base import no_progress
from gnn.jobs import train_memory
from memreward.cluster.ray_memory import RayMemory
from memstore.changes.propagated_rewards import list_models
from memstore.db.stores import Stores
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings

#: What is killed in turn, each while members are trained.
KILLS = {
    "train_member": "train_member",
    "TrainActor": "train_member",
    "train_member again": "train_member",
}


@pytest.fixture
def memory(stores: Stores, server_settings: Settings) -> Iterator[MemoryUnderTest]:
    made = MemoryUnderTest(stores, "learns-on-ray")
    yield made
    empty(made, server_settings)


@pytest.mark.slow
@pytest.mark.faults
def test_the_model_of_one_process(
    memory: MemoryUnderTest, server_settings: Settings, three_nodes: None
) -> None:
    filled(memory)
    alone = train_memory(memory.stores, server_settings, memory.name, no_progress)
    expected = weights(alone.folder)
    assert len(expected) > 1
    empty(memory, server_settings)
    filled(memory)
    on_ray = RayMemory(memory.name, run="run-1", settings=server_settings)
    over, killed, told = threading.Event(), list[str](), list[tuple[str, int, int | None]]()
    killer = threading.Thread(target=kill_each, args=(KILLS, over, killed))
    killer.start()
    try:
        version = on_ray.learn(progress=lambda *stage: told.append(stage))
        over.set()
        killer.join()
        assert killed == [*KILLS]
        assert version == alone.manifest.version
        assert weights(checkpoint_folder(server_settings, memory.name) / version) == expected
        assert [found for found, _ in list_models(memory.stores, memory.name)] == [version]
        assert any(what.startswith("train ") for what, *_ in told)
        (score,) = on_ray.score([make_rollout(1, 9, reward=None)], store=False)
        assert score.model == version
        assert on_ray.learn() == version  # Nothing was said since.
    finally:
        over.set()
        on_ray.stop()


@pytest.mark.slow
def test_a_memory_in_shards_learns(
    stores: Stores, server_settings: Settings, local_ray: None
) -> None:
    name = "learns-in-shards"
    on_ray = RayMemory(name, run="run-1", shards=2, settings=server_settings)
    try:
        on_ray.score(make_rollouts(24, 4))
        version = on_ray.learn()
        assert version.startswith("memreward-")
        (score,) = on_ray.score([make_rollout(1, 9, reward=None)], store=False)
        assert score.model == version
        kept = RayMemory(name, run="run-1", keep_scores=True, settings=server_settings)
        told = kept.score([make_rollout(n, 9, reward=None) for n in range(12)])
        cypher = (
            "MATCH (a:Answer) WHERE a.memory STARTS WITH $start AND a.propagated_at IS NOT NULL "
            "RETURN a.id AS id, a.propagated_reward AS value"
        )
        rows = stores.graph.query(cypher, {"start": f"{name}@"}, 60.0).rows
        assert {row["id"]: row["value"] for row in rows} == {s.rollout_id: s.value for s in told}
        assert all(one.model == version for one in told)
    finally:
        on_ray.stop()
        delete_all(name, stores)
