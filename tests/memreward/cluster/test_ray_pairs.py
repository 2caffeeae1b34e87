"""`RayMemory` in shards that lie in two pairs, each a Neo4j and a Postgres of its own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.divided import (
    COUNT,
    OneMemory,
    Said,
    calls,
    delete_all,
    neighbours_in,
    values,
    what_is_said,
)
from support.own_pair import OwnPair, own_pair

from memreward.cluster.ray_memory import RayMemory
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores, open_stores
from memstore.settings import Settings
from memstore.shards.care import check_edges, places_of
from memstore.shards.division import Shards
from memstore.snapshot.sharded_cache import ShardedSnapshotCache

pytestmark = [pytest.mark.slow, pytest.mark.faults]
NAME = "pairs-on-ray"
#: The calls in which a server of the second pair is killed.
KILLS = {1: "postgres", 2: "neo4j", 4: "postgres"}


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPair]:
    with own_pair() as pair:
        yield pair


@pytest.fixture
def expected(stores: Stores, server_settings: Settings, tmp_path: Path) -> Said:
    """What one memory says."""
    settings = server_settings.model_copy(update={"home": tmp_path / "one"})
    one = OneMemory(stores, settings, NAME)
    said = what_is_said(one)
    one.close()
    delete_all(NAME, stores)
    return said


def test_a_pair_whose_servers_are_killed(
    stores: Stores,
    own: OwnPair,
    server_settings: Settings,
    tmp_path: Path,
    expected: Said,
    local_ray: None,
) -> None:
    settings = server_settings.model_copy(update={"pairs": (own.named(),)})
    memory = RayMemory(NAME, run="run-1", shards=COUNT, settings=settings)
    restarts = list[threading.Thread]()

    def restart(server: str) -> None:
        own.kill(server)
        own.start()

    with open_stores(own.addresses) as second:
        try:
            for number, (call, scores) in enumerate(zip(calls(), expected.scores, strict=True)):
                if number in KILLS:
                    restarts.append(threading.Timer(0.03, restart, [KILLS[number]]))
                    restarts[-1].start()
                said = memory.score(call)
                wanted = values(scores)
                np.testing.assert_allclose(values(said), wanted, rtol=0, atol=1e-5)
                for thread in restarts:
                    thread.join()
            memory.flush()
            places = places_of([stores, second], NAME)
            assert {each for each, _ in places} == {stores, second}
            assert all(check_memory(*place).ok for place in places)
            shards = Shards.over(NAME, COUNT, [stores, second])
            assert check_edges(shards).ok
            snapshot = ShardedSnapshotCache(shards, tmp_path / "again", rebuild=True).snapshot
            assert neighbours_in(snapshot) == expected.neighbours[-1]
        finally:
            memory.stop()
            delete_all(NAME, stores, second)
