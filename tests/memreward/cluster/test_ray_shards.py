"""`RayMemory` in shards: neighbours and scores of `ShardedMemory`, several callers, kills."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pytest
import requests
from support.divided import calls, delete_all
from support.rollout_factory import make_rollout

from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memreward.sharded_memory import ShardedMemory
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores
from memstore.settings import Settings
from memstore.shards.care import check_edges
from memstore.shards.division import Shards
from schema.errors import InputError
from schema.score import Score

NAME, COUNT, RUN = "shards-on-ray", 4, "run-1"
CALLERS, STEPS, QUERIES, PLACES = 2, 6, 4, 2


@dataclass(frozen=True)
class Said:
    """Scores of all calls, and the edges between queries after each."""

    scores: list[list[Score]]
    edges: list[list[tuple[str, str, int, float]]]


def shards_standing(stores: Stores) -> list[str]:
    """Names of the shards that hold rollouts."""
    with stores.vectors.transaction("shards.sql") as session:
        return [row[0] for row in session.rows("standing", memory=NAME)]


def edges_across(stores: Stores) -> list[tuple[str, str, int, float]]:
    """Ids of each query of all shards and of its neighbours, with batch and cosine."""
    with stores.vectors.transaction("shards.sql") as session:
        generation = session.rows("rows", memory=NAME)[0][3]
        bounds = {"generation": generation, "after": 0, "upto": 1 << 60}
        found = [session.rows("edges", memory=s, **bounds) for s in shards_standing(stores)]
    return sorted((q, n, s, c) for q, n, s, c in chain.from_iterable(found))


def said_by(
    memory: ShardedMemory | RayMemory, stores: Stores, before: Callable[[int], None]
) -> Said:
    said = Said([], [])
    for number, call in enumerate(calls()):
        before(number)
        said.scores.append(memory.score(call))
        said.edges.append(edges_across(stores))
    return said


def values(calls: Sequence[Sequence[Score]]) -> np.ndarray:
    scores = [score for call in calls for score in call]
    return np.array([(np.nan if s.value is None else s.value, s.confidence) for s in scores])


@pytest.fixture(scope="module")
def expected(stores: Stores, server_settings: Settings) -> Said:
    with ShardedMemory.open(NAME, shards=COUNT, run=RUN, settings=server_settings) as memory:
        said = said_by(memory, stores, lambda number: None)
    delete_all(NAME, stores)
    return said


@pytest.fixture
def divided(
    stores: Stores, server_settings: Settings, local_ray: None, expected: Said
) -> Iterator[RayMemory]:
    memory = RayMemory(NAME, run=RUN, shards=COUNT, settings=server_settings)
    yield memory
    memory.stop()
    delete_all(NAME, stores)


def assert_says(
    memory: RayMemory,
    stores: Stores,
    expected: Said,
    before: Callable[[int], None] = lambda number: None,
) -> None:
    found = said_by(memory, stores, before)
    assert found.edges == expected.edges
    ids, wanted = (
        [s.rollout_id for call in said.scores for s in call] for said in (found, expected)
    )
    assert ids == wanted
    np.testing.assert_allclose(values(found.scores), values(expected.scores), rtol=0, atol=1e-5)


def assert_whole(memory: RayMemory, stores: Stores, rollouts: int) -> None:
    memory.flush()
    names = shards_standing(stores)
    assert len(names) == COUNT
    reports = [check_memory(stores, name) for name in names]
    assert all(report.ok for report in reports), reports
    edges = check_edges(Shards.over(NAME, COUNT, [stores]))
    assert edges.ok and not edges.notes
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN a.id AS id"
    stored = stores.graph.query(text, {"start": f"{NAME}@"}, 60.0).rows
    assert len(stored) == len({row["id"] for row in stored}) == rollouts


def test_the_neighbours_and_scores_of_a_memory_in_shards(
    divided: RayMemory, stores: Stores, server_settings: Settings, expected: Said
) -> None:
    assert_says(divided, stores, expected)
    assert_whole(divided, stores, 90)
    again = RayMemory(NAME, run=RUN, settings=server_settings)
    assert again.shards == COUNT
    known = again.score(calls()[0])
    np.testing.assert_allclose(
        values([known]), values([divided.score(calls()[0])]), rtol=0, atol=1e-5
    )
    with pytest.raises(InputError, match="divided into 4 shards, not 3"):
        RayMemory(NAME, run=RUN, shards=3, settings=server_settings)
    with pytest.raises(InputError, match="2 shards at least"):
        RayMemory(NAME, run=RUN, shards=1)
    text = requests.get(divided.watch(port=0), timeout=30).text
    up = f'memreward_actor_up{{actor="writer",node="",run="",shard="1-of-{COUNT}"}} 1.0'
    assert up in text, "the shards of one pair have one writer"
    assert "memreward_unpublished_batches{" in text


def test_one_memory_stays_one(on_ray: RayMemory, server_settings: Settings) -> None:
    assert on_ray.shards is None
    with pytest.raises(InputError, match="but one memory"):
        RayMemory(on_ray.name, run="run-1", shards=COUNT, settings=server_settings)


def test_callers_of_two_scorers_store_at_once(
    divided: RayMemory, stores: Stores, server_settings: Settings
) -> None:
    """Each run has a scorer of its own, and they take turns."""
    other = RayMemory(NAME, run="run-2", settings=server_settings)

    def call(number: int) -> int:
        memory = (divided, other)[number % 2]
        return sum(
            len(
                memory.score(
                    [
                        make_rollout(QUERIES * (number * STEPS + step) + query, place, reward=None)
                        for query in range(QUERIES)
                        for place in range(PLACES)
                    ]
                )
            )
            for step in range(STEPS)
        )

    with ThreadPoolExecutor(2 * CALLERS) as pool:
        given = sum(pool.map(call, range(2 * CALLERS)))
    assert given == 2 * CALLERS * STEPS * QUERIES * PLACES
    assert_whole(divided, stores, given)


@pytest.mark.faults
def test_each_writer_is_killed_in_the_middle(
    divided: RayMemory, stores: Stores, expected: Said
) -> None:
    ray, kills = ray_library(), list[threading.Timer]()

    def kill_soon(call: int) -> None:
        victim = divided._writers[call % len(divided._writers)]
        kills.append(threading.Timer(0.05, ray.kill, (victim,), {"no_restart": False}))
        kills[-1].start()

    assert_says(divided, stores, expected, kill_soon)
    assert len(kills) == len(calls()) > COUNT
    for kill in kills:
        kill.join()
    assert_whole(divided, stores, 90)
