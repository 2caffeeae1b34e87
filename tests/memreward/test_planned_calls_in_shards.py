"""Verdicts that a divided memory takes over, and calls that it plans, are those of one memory."""

from collections.abc import Iterator
from itertools import count

import pytest
from support.call_course import course, truth
from support.divided import delete_all
from support.rollout_factory import make_rollout

from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.db.stores import Stores
from memstore.reads.verifier_calls import known_audits
from memstore.settings import Settings
from memstore.shards.division import Shards
from schema.calls import Reuse
from schema.ids import query_id
from schema.score import ScoreSource

_numbers = count()
COUNT = 3


@pytest.fixture
def name(stores: Stores) -> Iterator[str]:
    name = f"planned-{next(_numbers)}"
    yield name
    delete_all(name, stores)


def test_what_is_asked_and_rewarded_is_that_of_one_memory(
    name: str, stores: Stores, server_settings: Settings
) -> None:
    reuse = Reuse(audited=0.2)
    with Memory.open(name, run="r", reuse=reuse, settings=server_settings) as one:
        asked, rewards = course(one, truth, budget=0.3)
    delete_all(name, stores)
    with ShardedMemory.open(
        name, shards=COUNT, run="r", reuse=reuse, settings=server_settings
    ) as divided:
        found, given = course(divided, truth, budget=0.3)
    assert found == asked
    assert sum(map(len, asked)) > 10
    for step, expected in zip(given, rewards, strict=True):
        assert step == pytest.approx(expected, abs=1e-5)


def test_an_audit_in_one_shard_stops_reuse_in_the_others(
    name: str, stores: Stores, server_settings: Settings
) -> None:
    shards = Shards.over(name, COUNT, [stores])
    place_of = {n: shards.part_of(query_id(name, make_rollout(n, 1).query)) for n in range(9)}
    first = 1
    other = next(n for n, place in place_of.items() if place != place_of[first])
    options = {"shards": COUNT, "run": "r", "reuse": Reuse(), "settings": server_settings}
    with ShardedMemory.open(name, **options) as memory:
        memory.score([make_rollout(n, 1, reward=1.0) for n in (first, other)])
        (taken,) = memory.score([make_rollout(other, 3, reward=None)])
        assert (taken.source, taken.value) == (ScoreSource.SAME_CONCLUSION, 1.0)
        memory.score([make_rollout(first, 3, reward=0.0)])
        places = [(part.stores.vectors, part.name) for part in shards.parts]
        assert [(a.audited, a.agreed) for a in known_audits(places).values()] == [(1, 0)]
        (score,) = memory.score([make_rollout(other, 5, reward=None)])
        assert score.source is ScoreSource.PROPAGATED
