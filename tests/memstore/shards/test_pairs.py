"""Shards in several pairs of databases: the same memory, and no pair is missed in silence."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from support.divided import (
    COUNT,
    FourShards,
    OneMemory,
    assert_says,
    calls,
    current,
    delete_all,
    neighbours_in,
    values,
    what_is_said,
)

from memstore.changes.rollout_writer import RolloutWriter
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores
from memstore.db.vector_store import SqlSession
from memstore.settings import Settings
from memstore.shards.care import check_edges, divided_memories, forget_division, places_of
from memstore.shards.division import Shards
from memstore.shards.pairs import pair_of
from memstore.shards.writer import ShardedWriter
from schema.errors import InputError, SettingsError, ShardedError, StoreError
from schema.ids import shard_name

_numbers = count()


@pytest.fixture
def name(stores: Stores, others: list[Stores]) -> Iterator[str]:
    name = f"in-pairs-{next(_numbers)}"
    yield name
    delete_all(name, stores, *others)


@pytest.fixture
def four(
    stores: Stores, others: list[Stores], server_settings: Settings, tmp_path: Path, name: str
) -> Iterator[FourShards]:
    """A memory of four shards in two pairs, with a call in it."""
    settings = server_settings.model_copy(update={"home": tmp_path})
    memory = FourShards(stores, settings, name, others[0])
    memory.scorer.score([*calls()[0], *calls()[1]])  # Each shard gets some.
    memory.scorer.flush()
    yield memory
    memory.close()


def test_shards_in_two_pairs_say_what_one_memory_says(
    stores: Stores, others: list[Stores], server_settings: Settings, tmp_path: Path, name: str
) -> None:
    settings = server_settings.model_copy(update={"home": tmp_path})
    one = OneMemory(stores, settings, name)
    expected = what_is_said(one)
    one.scorer.flush()
    one.relink(5)
    one.scorer.learn()
    learned, relinked = values(one.scorer.score(calls()[3])), current(one)
    one.close()
    delete_all(name, stores)

    four = FourShards(stores, settings, name, others[0])
    assert_says(four, expected)
    assert neighbours_in(four.rebuilt()) == expected.neighbours[-1]
    assert [len(shards_in(pair, name)) for pair in (stores, others[0])] == [2, 2]
    four.scorer.flush()
    places = places_of([stores, others[0]], name)
    assert len(places) == COUNT
    assert all(check_memory(*place).ok for place in places)
    assert check_edges(four.shards).ok
    four.relink(5)
    four.scorer.learn()
    np.testing.assert_allclose(values(four.scorer.score(calls()[3])), learned, rtol=0, atol=1e-5)
    assert current(four) == relinked == neighbours_in(four.rebuilt())
    four.close()


def shards_in(stores: Stores, name: str) -> list[str]:
    with stores.vectors.transaction("shards.sql") as session:
        return [row[0] for row in session.rows("standing", memory=name)]


def test_the_order_of_the_pairs_does_not_matter_once_it_is_divided(
    four: FourShards, stores: Stores, others: list[Stores]
) -> None:
    second, third = others
    for pairs in ([second, stores], [third, second, stores], [third, stores, second]):
        again = Shards.over(four.name, COUNT, pairs)
        assert again.parts == four.shards.parts
        assert [found.parts for found in divided_memories(pairs, four.name)] == [again.parts]
        assert len(places_of(pairs, four.name)) == COUNT
        assert pair_of(pairs, shard_name(four.name, 2, COUNT)) is second
        assert pair_of(pairs, shard_name(four.name, 3, COUNT)) is stores
    before = current(four)
    turned = FourShards(second, four.settings, four.name, third, stores)
    turned.scorer.refresh()
    assert current(turned) == before
    turned.close()


def test_a_pair_that_is_missing_is_named_and_nothing_is_written(
    four: FourShards, stores: Stores, others: list[Stores]
) -> None:
    second, third = others
    before = {pair: shards_in(pair, four.name) for pair in (stores, second, third)}
    address = second.vectors.address
    assert address.rpartition("/")[2].startswith("pair_")
    for pairs in ([stores], [stores, third], [third, stores]):
        with pytest.raises(SettingsError, match=f"shard 2 of memory .*{address}"):
            Shards.over(four.name, COUNT, pairs)
        with pytest.raises(SettingsError, match="shard 2"):
            divided_memories(pairs, None)
        with pytest.raises(SettingsError, match="shard 2"):
            places_of(pairs, four.name)
        with pytest.raises(SettingsError, match="shard 2"):
            pair_of(pairs, shard_name(four.name, 2, COUNT))
    for pairs in ([second], [second, third], [third, second]):
        with pytest.raises(SettingsError, match=f"shard 1 of memory .*{stores.vectors.address}"):
            Shards.over(four.name, COUNT, pairs)
        with pytest.raises(SettingsError, match="shard 1"):
            divided_memories(pairs, four.name)
    assert {pair: shards_in(pair, four.name) for pair in before} == before


def test_a_pair_that_is_named_twice_is_refused(stores: Stores, name: str) -> None:
    with pytest.raises(SettingsError, match="same Postgres"):
        Shards.over(name, COUNT, [stores, stores])


def test_other_numbers_and_memories_that_stand_in_any_pair_are_refused(
    four: FourShards, stores: Stores, others: list[Stores]
) -> None:
    with pytest.raises(InputError, match="divided into 4 shards, not 3"):
        Shards.over(four.name, 3, [others[0], stores])
    for pairs in ([stores, others[0]], [others[0], stores]):
        delete_all(four.name, *pairs)
        RolloutWriter(pairs[1], four.name, "run-1").add(calls()[0])
        with pytest.raises(InputError, match="cannot be divided into 4 shards"):
            Shards.over(four.name, COUNT, pairs)
    delete_all(four.name, stores, others[0])


def test_who_divides_first_decides(
    stores: Stores, others: list[Stores], server_settings: Settings, tmp_path: Path, name: str
) -> None:
    """Two processes with the pairs in another order, before anything is stored."""
    settings = server_settings.model_copy(update={"home": tmp_path})
    one = FourShards(stores, settings, name, *others)
    two = FourShards(others[1], settings, name, others[0], stores)
    one.scorer.score(calls()[0])
    with pytest.raises(InputError, match="open it again"):
        two.scorer.score(calls()[1])
    with pytest.raises(ShardedError, match="divided into 4 shards"):
        RolloutWriter(others[1], name, "run-1")
    for memory in (one, two):
        memory.close()


def test_what_the_first_pair_forgot_is_refused_and_can_be_deleted(
    four: FourShards, stores: Stores, others: list[Stores]
) -> None:
    with stores.vectors.transaction("shards.sql") as session:
        session.run("forget", memory=four.name)
    with pytest.raises(StoreError, match="do not know it"):
        Shards.over(four.name, COUNT, [stores, others[0]])
    assert len(places_of([others[0], stores], four.name)) == COUNT
    forget_division([stores, others[0]], four.name)
    # The shards are there, as after an import: they are found where they are.
    again = Shards.over(four.name, COUNT, [others[1], others[0], stores])
    assert [part.stores for part in again.parts] == [part.stores for part in four.shards.parts]


def test_who_dies_while_it_divides_leaves_it_to_the_next_to_tell_all_pairs(
    stores: Stores,
    others: list[Stores],
    server_settings: Settings,
    tmp_path: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = server_settings.model_copy(update={"home": tmp_path})
    whole = SqlSession.run

    def run(session: SqlSession, statement: str, /, **parameters: object) -> int:
        if statement == "divide_elsewhere":
            raise StoreError("killed")
        return whole(session, statement, **parameters)

    with monkeypatch.context() as patch:
        patch.setattr(SqlSession, "run", run)
        first = FourShards(stores, settings, name, others[0])
        with pytest.raises(StoreError, match="killed"):
            first.scorer.score(calls()[0])
        first.close()
    again = FourShards(stores, settings, name, others[0])
    again.scorer.score(calls()[0])
    again.close()
    with pytest.raises(SettingsError, match="shard 1 of memory"):
        Shards.over(name, COUNT, [others[0]])


def test_neo4j_of_another_pair_is_noticed_before_anything_is_written(
    four: FourShards, stores: Stores, others: list[Stores]
) -> None:
    part = next(part for part in four.shards.parts if part.state() is not None)
    with stores.graph._driver.session() as session:  # pyright: ignore[reportPrivateUsage]
        text = "MATCH (m:Memory {memory: $memory}) SET m.incarnation = $other"
        session.run(text, memory=part.name, other="another").consume()
    with pytest.raises(StoreError, match="do not belong together"):
        ShardedWriter(Shards.over(four.name, COUNT, [stores, others[0]]), "run-1")
    with stores.graph._driver.session() as session:  # pyright: ignore[reportPrivateUsage]
        state = part.state()
        assert state is not None
        session.run(text, memory=part.name, other=state.incarnation).consume()
