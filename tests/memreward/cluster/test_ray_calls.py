"""Budgets of verifier calls and labels on Ray: what a memory in one process asks and rewards."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from support.call_course import course, truth
from support.divided import delete_all
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memreward.memory import Memory
from memstore.outbox.deletion import delete_memory
from memstore.reads.stats import memory_stats
from memstore.settings import Settings
from memstore.shards.care import places_of
from schema.calls import Reuse
from schema.errors import InputError
from schema.score import ScoreSource

REUSE = Reuse(audited=0.2)


@pytest.fixture
def open_planner(
    memory: MemoryUnderTest, server_settings: Settings, local_ray: None
) -> Iterator[Callable[..., RayMemory]]:
    opened: list[RayMemory] = []

    def opener(shards: int | None = None) -> RayMemory:
        opened.append(
            RayMemory(
                memory.name, run="run-1", shards=shards, reuse=REUSE, settings=server_settings
            )
        )
        return opened[-1]

    yield opener
    opened[-1].stop()
    delete_all(memory.name, memory.stores)


@pytest.mark.parametrize("shards", [None, 3])
def test_the_calls_of_a_memory_also_if_actors_are_killed(
    memory: MemoryUnderTest,
    server_settings: Settings,
    open_planner: Callable[..., RayMemory],
    shards: int | None,
) -> None:
    with Memory(memory.stores, server_settings, memory.name, "run-1", reuse=REUSE) as one:
        asked, rewards = course(one, truth, budget=0.3)
    calls = calls_of(memory)
    delete_memory(memory.stores, memory.name)  # The same name, as ids decide ties.
    ray, killed = ray_library(), []

    def killing(prompt: str, text: str) -> float:
        """After the calls of a step are planned, before its rollouts are stored."""
        if len(killed) < 2:
            actor = (planner._scorers.own, planner._writers[0])[len(killed)]
            ray.kill(actor, no_restart=False)
            killed.append(actor)
        return truth(prompt, text)

    planner = open_planner(shards)
    found, given = course(planner, killing, budget=0.3)
    assert found == asked
    for step, expected in zip(given, rewards, strict=True):
        assert step == pytest.approx(expected, abs=1e-5)
    assert len(killed) == 2
    assert calls_of(memory) == calls


def calls_of(memory: MemoryUnderTest) -> Counter[str]:
    """How many were made, saved, audited and agreed, in a memory or in all its shards."""
    total = Counter[str]()
    for place in places_of([memory.stores], memory.name):
        calls = memory_stats(*place)["calls"]
        total.update({name: calls[name] for name in ("made", "saved", "audited", "agreed")})
    return total


def test_without_reuse_no_calls_are_planned(
    memory: MemoryUnderTest, server_settings: Settings, open_planner: Callable[[], RayMemory]
) -> None:
    """Both kinds of scorers work side by side."""
    planner = open_planner()
    said = [make_rollout(3, place, reward=None, step=1) for place in range(2)]
    planner.score([make_rollout(3, 0)])
    plain = RayMemory(memory.name, run="run-1", settings=server_settings)
    with pytest.raises(InputError, match="without `reuse`"):
        plain.plan_calls(said, 1)
    assert plain.score(said)[0].source is not ScoreSource.SAME_CONCLUSION
    later = [make_rollout(3, place, reward=None, step=2) for place in range(2)]
    assert planner.plan_calls(later, 1) == [1], "what the first concludes is verified"
    assert planner.score(later)[0].source is ScoreSource.SAME_CONCLUSION


def test_labels(memory: MemoryUnderTest, open_planner: Callable[[], RayMemory]) -> None:
    planner = open_planner()
    planner.score([make_rollout(4, place, reward=None) for place in range(2)])
    row = {"query_id": "sum-4", "step": 0, "rollout": 1, "reward": 0.5}
    assert planner.label([row], annotator="ann").rewards == 1
    assert planner.label([row], annotator="ann").rewards == 0, "the same again adds nothing"
    with pytest.raises(InputError, match="no rollout"):
        planner.label([{**row, "query_id": "sum-5"}], annotator="ann")
    planner.flush()
    text = "MATCH (a:Answer {memory: $memory}) RETURN collect(a.verified_reward) AS given"
    assert memory.ask(text) == [{"given": [0.5]}]
