"""`RayMemory` on a local Ray and the real databases: scores, many callers, killed actors."""

import asyncio
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memreward import memory_reward
from memreward.adapters import openrlhf, verl
from memreward.client import environment as client
from memreward.cluster.arrow import rollout_table
from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memreward.cluster.scorer_actor import ScorerActor
from memreward.cluster.scorers import Scorers
from memreward.cluster.watching import NAMESPACE, WATCH
from memreward.memory import Memory
from memstore.settings import Settings
from schema.errors import InputError, ServerError
from schema.rollout import Rollout
from schema.score import Score, ScoreSource

STEPS, QUERIES, PLACES = 8, 4, 4


def fresh(question: int, places: int = PLACES, **changes: object) -> list[Rollout]:
    return [make_rollout(question, p, **{"reward": None, **changes}) for p in range(places)]


def test_the_scores_of_a_memory(
    on_ray: RayMemory, trained: MemoryUnderTest, server_settings: Settings
) -> None:
    rollouts = [*fresh(30), make_rollout(31), *fresh(31, step=1)]
    unstored = on_ray.score(rollouts, store=False)
    assert trained.ask("MATCH (q:Query {memory: $memory, source_id: 'sum-30'}) RETURN q") == []
    scores = on_ray.score(rollouts)
    memory = Memory(trained.stores, server_settings, trained.name, "run-1")
    expected = memory.score(rollouts)
    memory.close()
    assert [(s.rollout_id, s.source, s.model) for s in scores] == [
        (s.rollout_id, s.source, s.model) for s in expected
    ]
    values = pytest.approx([s.value for s in expected], abs=1e-5)
    assert [s.value for s in scores] == values
    assert [s.value for s in unstored] == values
    assert scores[PLACES].source is ScoreSource.VERIFIED
    assert scores[0].source is ScoreSource.PROPAGATED


def test_a_wrong_rollout_is_refused_by_name(on_ray: RayMemory) -> None:
    on_ray.score(fresh(33))
    with pytest.raises(InputError, match="another"):
        on_ray.score([make_rollout(33, answer="Quite other.", reward=None)])
    with pytest.raises(InputError, match="query"):
        on_ray.score([{"completion": "#### 4"}])


def ids_of(memory: MemoryUnderTest, run: str) -> list[object]:
    rows = memory.ask(
        "MATCH (:Run {memory: $memory, id: $run})-[:PRODUCED]->(a:Answer) RETURN a.id AS id",
        run=run,
    )
    return [row["id"] for row in rows]


def steps_of(caller: int) -> list[list[Rollout]]:
    """What one caller sends, step by step; two callers share no place."""
    return [
        [
            rollout
            for question in range(QUERIES)
            for rollout in fresh(40 + 10 * caller + question, step=step)
        ]
        for step in range(STEPS)
    ]


def two_callers(
    memory: RayMemory,
    trained: MemoryUnderTest,
    first: int,
    between: Callable[[int], None] = lambda _: None,
) -> None:
    """Two callers in processes of their own; all that they send is stored once."""
    memory.flush()  # Neo4j shows what other tests stored a moment ago.
    ray, before = ray_library(), ids_of(trained, "run-1")

    @ray.remote(num_cpus=0)
    def call(own: RayMemory, steps: list[list[Rollout]]) -> list[str]:
        return [score.rollout_id for step in steps for score in own.score(step)]

    calls = [call.remote(memory, steps_of(first + caller)) for caller in range(2)]
    for n in range(2):
        between(n)
    given = [id_ for ids in ray.get(calls, timeout=300) for id_ in ids]
    memory.flush()
    stored = ids_of(trained, "run-1")
    assert len(set(given)) == len(given) == 2 * STEPS * QUERIES * PLACES
    assert len(stored) == len(set(stored))
    assert set(given) <= set(stored), "an accepted rollout is lost"
    assert len(stored) == len(before) + len(given), "a rollout is doubled"


def test_two_callers(on_ray: RayMemory, trained: MemoryUnderTest) -> None:
    two_callers(on_ray, trained, 0)


def test_actors_are_killed_in_the_middle(on_ray: RayMemory, trained: MemoryUnderTest) -> None:
    ray = ray_library()

    def kill(n: int) -> None:
        """The scorer at the first rollouts that are seen, the writer at the next ones."""
        seen, until = len(ids_of(trained, "run-1")), time.monotonic() + 120
        while len(ids_of(trained, "run-1")) == seen:
            assert time.monotonic() < until, "the callers store nothing"
            time.sleep(0.02)
        ray.kill((on_ray._scorers.own, on_ray._writers[0])[n], no_restart=False)

    two_callers(on_ray, trained, 2, kill)


def scored_by(actor: Any) -> float:
    """How many calls an actor has answered."""
    ray = ray_library()
    families = ray.get(actor.metrics.options(concurrency_group=WATCH).remote())
    samples = [sample for family in families for sample in family.samples]
    return sum(one.value for one in samples if one.name == "memreward_request_seconds_count")


def test_another_scorer_answers_while_one_is_starting(
    on_ray: RayMemory, server_settings: Settings
) -> None:
    ray, own = ray_library(), on_ray._scorers.own
    made = ray.remote(num_cpus=0, concurrency_groups={WATCH: 1})(ScorerActor)
    name = f"{on_ray.name}/run-1/elsewhere"
    other = made.options(name=name, namespace=NAMESPACE, lifetime="detached").remote(
        on_ray.name, "run-1", server_settings, None, 1 << 16
    )
    try:
        ray.get(other.stamp.remote())
        expected = on_ray.score(fresh(38), store=False)
        assert scored_by(other) == 0
        ray.kill(own, no_restart=False)
        assert on_ray.score(fresh(38), store=False) == expected
        assert scored_by(other) == 1, "the caller waited for its own scorer"
        starting = on_ray._scorers._starting
        assert starting is not None
        ray.get(starting)
        on_ray.score(fresh(38), store=False)
        assert scored_by(other) == scored_by(own) == 1
    finally:
        ray.kill(other)


def test_a_scorer_whose_node_is_gone(on_ray: RayMemory, server_settings: Settings) -> None:
    """Ray may think so of a node whose callers still work."""
    ray = ray_library()
    gone = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy("0" * 56, soft=False)
    made = ray.remote(num_cpus=0, concurrency_groups={WATCH: 1})(ScorerActor)

    def scorers(run: str) -> Scorers:
        own = made.options(scheduling_strategy=gone, max_restarts=-1, max_task_retries=-1).remote(
            on_ray.name, run, server_settings, None, 1 << 16
        )
        return Scorers(on_ray.name, run, own)

    assert scorers("run-1").stamp()[1] == 384, "the scorer of the node that is there answers"
    with pytest.raises(ServerError, match="cannot work"):
        scorers("run-of-nobody-else").stamp()


def test_scores_are_kept_where_it_is_asked_for(
    on_ray: RayMemory, trained: MemoryUnderTest, server_settings: Settings
) -> None:
    told = (
        "MATCH (a:Answer {memory: $memory}) WHERE a.propagated_at IS NOT NULL "
        "RETURN a.id AS id, a.propagated_reward AS value, a.propagated_model AS model ORDER BY id"
    )
    on_ray.score(fresh(80))
    on_ray.flush()
    assert trained.ask(told) == []
    ray = ray_library()
    kept = RayMemory(trained.name, run="run-1", keep_scores=True, settings=server_settings)

    @ray.remote(num_cpus=0)
    def call(own: RayMemory) -> list[Score]:
        return own.score([*fresh(81), make_rollout(82)])

    begun = call.remote(kept)
    killer = threading.Timer(0.3, ray.kill, (kept._scorers.own,), {"no_restart": False})
    killer.start()
    scores = ray.get(begun)
    killer.join()
    kept.score(fresh(83), store=False)
    found = [tuple(row.values()) for row in trained.ask(told)]
    expected = [(s.rollout_id, s.value, s.model) for s in scores if s.model is not None]
    assert len(expected) == PLACES
    assert found == sorted(expected)


def test_little_goes_through_the_driver(on_ray: RayMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the caller pickles itself; texts lie in buffers, which Ray puts into shared memory."""
    ray = ray_library()

    rollouts = [
        make_rollout(170 + n, p, reward=None, thinking="I add them up. " * 60)
        for n in range(16)
        for p in range(8)
    ]
    sent: list[bytes] = []
    put = ray.put

    def noting(value: Any) -> Any:
        sent.append(pickle.dumps(value, protocol=5, buffer_callback=lambda _: None))
        reference = put(value)
        sent.append(pickle.dumps((reference.binary(), True)))
        return reference

    monkeypatch.setattr(ray, "put", noting)
    on_ray.score(rollouts, store=False)
    assert len(sent) == 2, "all rollouts of a call are one object"
    assert sum(map(len, sent)) <= 0.01 * rollout_table(rollouts, 384).nbytes


def test_a_reward_function_for_trl(on_ray: RayMemory) -> None:
    reward = memory_reward(on_ray, training=lambda: True)
    prompts = ["What is 30 + 30?"] * 4
    texts = [f"I add them up.\n#### {n}" for n in (60, 60, 61, 60)]
    given = reward(prompts=prompts, completions=texts, completion_ids=[[1]] * 4)
    assert len(given) == 4


def test_verl_and_openrlhf_inside_their_workers(
    on_ray: RayMemory, trained: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls are those of signatures.json, which test_trainers.py compares."""
    monkeypatch.setenv("MEMREWARD_MEMORY", on_ray.name)
    monkeypatch.setenv("MEMREWARD_RUN", "run-1")
    monkeypatch.setenv("MEMREWARD_RAY", "true")
    monkeypatch.setenv("MEMREWARD_TRAIN", "true")
    client.asked.cache_clear()
    on_ray.flush()
    before = len(ids_of(trained, "run-1"))
    info = {"question": "What is 3 + 3?", "query_id": "new-3", "split": "train"}
    texts = ("The answer is 6.", "The answer is 7.", "The answer is 6.", "")

    async def group() -> list[dict[str, float]]:
        client.asked()
        return await asyncio.gather(
            *(verl.compute_score("sums", text, None, info) for text in texts)
        )

    try:
        given = asyncio.run(group())
        other = openrlhf.reward_func(["What is 4 + 4? #### 8"], ["What is 4 + 4?"], [None])
        with pytest.raises(InputError, match="without `reuse`"):
            client.plan_calls([{"query": "a", "completion": "b"}], 1)
    finally:
        client.asked.cache_clear()
    assert all(0 < entry["score"] < 1 for entry in given[:3])
    assert given[3]["score"] == 0.0
    assert 0 < float(other["rewards"][0]) < 1
    on_ray.flush()
    assert len(ids_of(trained, "run-1")) == before + 4


def test_metrics_of_the_actors(on_ray: RayMemory) -> None:
    def scraped() -> dict[str, float]:
        text = requests.get(on_ray.watch(port=0), timeout=30).text
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        return {
            f"{one.name} {one.labels.get('actor')} {one.labels.get('status', '')}": one.value
            for one in samples
        }

    on_ray.score(fresh(35), store=False)
    before = scraped()
    on_ray.score(fresh(36))
    with pytest.raises(InputError):
        on_ray.score([make_rollout(36, answer="Quite other.", reward=None)])
    on_ray.flush()
    after = scraped()
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    assert grown["memreward_stored_rollouts_total writer "] == PLACES
    assert grown["memreward_store_seconds_count writer ok"] == 1
    refused = grown.get("memreward_store_seconds_count writer refused", 0)
    assert refused == 0, "the scorer refuses what it can, before it sends it"
    assert grown["memreward_request_seconds_count scorer ok"] == 1
    assert grown["memreward_request_seconds_count scorer refused"] == 1
    assert grown["memreward_batch_rollouts_sum scorer "] == PLACES
    assert after["memreward_unpublished_batches scorer "] == 0
    assert after["memreward_unscored_batches scorer "] == 0
    for actor in ("writer", "scorer"):
        assert after[f"memreward_actor_up {actor} "] == 1
        assert after[f"process_resident_memory_bytes {actor} "] > 0
