"""Shards in two pairs, each a Neo4j and a Postgres of its own, of which one is killed."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.divided import (
    COUNT,
    FourShards,
    OneMemory,
    Said,
    assert_says,
    calls,
    current,
    delete_all,
    neighbours_in,
    once_before,
    values,
    what_is_said,
)
from support.own_pair import OwnPair, own_pair

from memstore.consistency.check import check_memory
from memstore.db import retry
from memstore.db.stores import Stores, open_stores
from memstore.settings import Settings
from memstore.shards.care import check_edges, places_of
from schema.errors import UnreachableError

pytestmark = pytest.mark.slow
#: The call in which a server is killed: it brings queries to all shards.
FATAL = 1
#: Ids are made of it.
NAME = "own-pairs"


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPair]:
    with own_pair() as pair:
        yield pair


@pytest.fixture(scope="module")
def own_stores(own: OwnPair) -> Iterator[Stores]:
    with open_stores(own.addresses) as opened:
        opened.vectors._pool.timeout = 2.0
        yield opened


@pytest.fixture(scope="module")
def expected(
    stores: Stores, server_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Said:
    """What one memory says."""
    settings = server_settings.model_copy(update={"home": tmp_path_factory.mktemp("one")})
    one = OneMemory(stores, settings, NAME)
    said = what_is_said(one)
    one.close()
    delete_all(NAME, stores)
    return said


@pytest.fixture(params=["first", "second"])
def four(
    request: pytest.FixtureRequest,
    stores: Stores,
    own: OwnPair,
    own_stores: Stores,
    expected: Said,
    server_settings: Settings,
    tmp_path: Path,
) -> Iterator[FourShards]:
    """A new memory; the pair that may be killed is its first or its second one."""
    pairs = (own_stores, stores) if request.param == "first" else (stores, own_stores)
    settings = server_settings.model_copy(update={"home": tmp_path})
    memory = FourShards(pairs[0], settings, NAME, pairs[1])
    yield memory
    own.start()
    memory.scorer.close()
    delete_all(memory.name, *pairs)


def assert_whole(memory: FourShards, expected: Said) -> None:
    """Each rollout is there once, in both databases of its pair; neighbours are those of one."""
    memory.scorer.flush()
    pairs = [pair.stores for pair in memory.shards.pairs]
    places = places_of(pairs, memory.name)
    assert len(places) == COUNT
    assert {stores for stores, _ in places} == set(pairs)
    reports = [check_memory(*place) for place in places]
    assert all(report.ok for report in reports), reports
    edges = check_edges(memory.shards)
    assert edges.ok, edges
    assert not edges.notes, edges
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN count(a) AS n"
    found = [p.graph.query(text, {"start": f"{memory.name}@"}, 60.0).rows[0]["n"] for p in pairs]
    assert sum(found) == 90
    assert min(found) > 0
    assert neighbours_in(memory.rebuilt()) == expected.neighbours[-1]


def assert_says_the_rest(memory: FourShards, expected: Said, first: int) -> None:
    for number in range(first, len(calls())):
        said = memory.scorer.score(calls()[number])
        assert current(memory) == expected.neighbours[number]
        wanted = values(expected.scores[number])
        np.testing.assert_allclose(values(said), wanted, rtol=0, atol=1e-5)


def test_two_pairs_say_what_one_memory_says(four: FourShards, expected: Said) -> None:
    assert_says(four, expected)
    assert_whole(four, expected)


@pytest.mark.parametrize(
    ("statement", "fatal"),
    [("divide", 0), ("divide_elsewhere", 0), ("add_batches", FATAL), ("lock_edges", FATAL)],
)
def test_postgres_of_a_pair_is_killed_in_a_call_and_stays_away(
    four: FourShards,
    own: OwnPair,
    expected: Said,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    fatal: int,
) -> None:
    for call in calls()[:fatal]:
        four.scorer.score(call)
    address = own.addresses.postgres_dsn.rpartition("@")[2].partition("/")[0]
    with monkeypatch.context() as patch, once_before(statement, lambda: own.kill("postgres")):
        patch.setattr(retry, "PATIENCE_S", 1.0)
        with pytest.raises(UnreachableError, match=f"{address}.*same call again stores the rest"):
            four.scorer.score(calls()[fatal])
    own.start()
    assert_says_the_rest(four, expected, fatal)
    assert_whole(four, expected)


def test_postgres_of_a_pair_is_killed_in_a_call_and_comes_back(
    four: FourShards, own: OwnPair, expected: Said
) -> None:
    for call in calls()[:FATAL]:
        four.scorer.score(call)
    back = threading.Thread(target=own.start)

    def restart() -> None:
        own.kill("postgres")
        back.start()

    with once_before("lock_edges", restart):
        assert_says_the_rest(four, expected, FATAL)
    back.join()
    assert_whole(four, expected)


def test_neo4j_of_a_pair_is_killed_in_a_call(
    four: FourShards, own: OwnPair, expected: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in calls()[:FATAL]:
        four.scorer.score(call)
    with monkeypatch.context() as patch, once_before("add_batches", lambda: own.kill("neo4j")):
        patch.setattr(retry, "PATIENCE_S", 1.0)
        said = four.scorer.score(calls()[FATAL])
        with pytest.raises(UnreachableError, match=own.addresses.neo4j_uri):
            four.scorer.flush()
    np.testing.assert_allclose(values(said), values(expected.scores[FATAL]), rtol=0, atol=1e-5)
    own.start()
    assert_says_the_rest(four, expected, FATAL)
    assert_whole(four, expected)
