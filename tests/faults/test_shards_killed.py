"""SIGKILL of a process that has a memory in four shards open, in two pairs of databases."""

import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from faults.failpoints import armed
from faults.shard_workload import (
    CALLS,
    LEARN,
    LINK,
    Life,
    Whole,
    die,
    is_half_stored,
    live,
    repaired,
    whole,
)
from faults.writer import start
from support.divided import another_postgres

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.servers.migration import migrate
from memstore.settings import Settings
from memstore.shards.care import divided_memories, places_of

pytestmark = pytest.mark.faults
Times = Callable[[int, int], int]
#: With --full-counts: at named points of calls, of `link`, of `learn`, of a delete, and at random.
IN_CALLS, IN_LINK, IN_LEARN, IN_DELETES, AT_RANDOM = 120, 30, 6, 30, 50


@pytest.fixture(scope="module")
def others(fault_addresses: Addresses) -> Iterator[list[Addresses]]:
    """Both pairs: the second has a database of its own, and shares Neo4j."""
    with another_postgres(fault_addresses) as second:
        migrate(second)
        yield [fault_addresses, second]


@pytest.fixture
def pairs(others: list[Addresses], fault_stores: Stores) -> Iterator[list[Stores]]:
    with open_stores(others[1]) as second:
        yield [fault_stores, second]


@pytest.fixture
def life(
    others: list[Addresses], pairs: list[Stores], fault_settings: Settings, tmp_path: Path
) -> Iterator[Life]:
    settings = fault_settings.model_copy(update={"home": tmp_path})
    life = Life(settings, tuple(others), "shards-killed")
    life.clear(pairs)
    yield life
    life.clear(pairs)


def chosen(points: Sequence[str], count: int, seed: int) -> list[str]:
    """Some of the points reached: each name once before any comes twice."""
    rng = random.Random(seed)
    firsts = list({point.rsplit(" #", 1)[0]: point for point in reversed(points)}.values())
    rest = [point for point in points if point not in firsts]
    return (rng.sample(firsts, len(firsts)) + rng.sample(rest, len(rest)))[:count]


@contextmanager
def noted() -> Iterator[list[str]]:
    reached = list[str]()
    with armed(reached.append):
        yield reached


def kill(target: Callable[..., None], life: Life, *args: object) -> bool:
    """Whether the process was killed before it came to its end."""
    process = start(target, life, *args)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode == -signal.SIGKILL


def assert_whole(found: Whole, expected: Whole, what: str) -> None:
    assert found.rollouts == expected.rollouts, what
    assert found.neighbours == expected.neighbours, what
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-5, err_msg=what)


@pytest.fixture
def expected(life: Life, pairs: list[Stores], tmp_path: Path) -> Whole:
    """What is left of all calls, and what all of them are told once everything is stored."""
    life.run(pairs, CALLS)
    found = whole(life, pairs, tmp_path / "clean", CALLS)
    life.clear(pairs)
    return found


def test_killed_in_a_call(
    life: Life,
    pairs: list[Stores],
    expected: Whole,
    tmp_path: Path,
    times: Times,
) -> None:
    with noted() as reached:
        life.run(pairs, CALLS)
    killed = 0
    for number, point in enumerate(chosen(reached, times(6, IN_CALLS), 0)):
        life.clear(pairs)
        killed += kill(live, life, CALLS, point)
        # Every second one is repaired first, as the command does, if there is something already.
        is_torn = False
        if number % 2 and divided_memories(pairs, life.memory):
            is_torn = is_half_stored(life, pairs)
            repaired(life, pairs, point)
        life.run(pairs, CALLS)
        repaired(life, pairs, point)
        found = whole(life, pairs, tmp_path / str(number), CALLS)
        if is_torn:
            assert found.rollouts == expected.rollouts, point
        else:
            assert_whole(found, expected, point)
    assert killed > times(6, IN_CALLS) // 2
    print(f"{killed} killed of {times(6, IN_CALLS)}")


@pytest.mark.parametrize(("step", "count"), [(LINK, IN_LINK), (LEARN, IN_LEARN)])
def test_killed_in_link_and_learn(
    life: Life,
    pairs: list[Stores],
    tmp_path: Path,
    times: Times,
    step: str,
    count: int,
) -> None:
    # A kill within the calls may leave one half stored, and then neighbours are others.
    life.run(pairs, CALLS[:3])
    with noted() as reached:
        life.run(pairs, [step])
    clean, killed = whole(life, pairs, tmp_path / "clean", CALLS[:3]), 0
    for number, point in enumerate(chosen(reached, times(3, count), 1)):
        life.clear(pairs)
        life.run(pairs, CALLS[:3])
        killed += kill(live, life, [step], point)
        repaired(life, pairs, point)
        life.run(pairs, [step])
        repaired(life, pairs, point)
        found = whole(life, pairs, tmp_path / str(number), CALLS[:3])
        assert found.rollouts == clean.rollouts, point
        assert found.neighbours == clean.neighbours, point
    assert killed > times(3, count) // 2


def test_killed_in_a_delete(
    life: Life,
    pairs: list[Stores],
    expected: Whole,
    tmp_path: Path,
    times: Times,
) -> None:
    """The delete again ends it; then the name is free, and a new memory of that name is whole."""
    life.run(pairs, CALLS[:2])
    with noted() as reached:
        life.delete(pairs)
    killed = 0
    for number, point in enumerate(chosen(reached, times(4, IN_DELETES), 2)):
        life.run(pairs, CALLS[:2])
        killed += kill(die, life, point)
        life.delete(pairs)
        assert divided_memories(pairs, life.memory) == [], point
        assert places_of(pairs, life.memory) == [(pairs[0], life.memory)], point
        if number % 3 == 0:
            life.run(pairs, CALLS)
            assert_whole(whole(life, pairs, tmp_path / str(number), CALLS), expected, point)
            life.clear(pairs)
    assert killed > times(4, IN_DELETES) // 2


def test_killed_at_random_moments(
    life: Life,
    pairs: list[Stores],
    expected: Whole,
    tmp_path: Path,
    times: Times,
) -> None:
    begun = time.monotonic()
    start(live, life, CALLS).join()
    seconds, rng, killed = time.monotonic() - begun, random.Random(3), 0
    while killed < times(2, AT_RANDOM):
        life.clear(pairs)
        process = start(live, life, CALLS)
        moment = rng.uniform(0.0, seconds)
        time.sleep(moment)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        life.run(pairs, CALLS)
        repaired(life, pairs, f"after {moment:.3f} s")
        found = whole(life, pairs, tmp_path / f"random-{killed}", CALLS)
        assert_whole(found, expected, f"after {moment:.3f} s")
