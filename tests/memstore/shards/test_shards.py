"""A memory that is divided into four shards says what one memory says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

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

from gnn.jobs.online_scorer import OnlineScorer
from memstore.changes.run_deletion import delete_run
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores, get_memory
from memstore.db.vector_store import SqlSession
from memstore.encoders.default import DEFAULT_DIMENSION
from memstore.outbox.accept import Accepted, Given, accept_to_several
from memstore.outbox.deletion import delete_memory
from memstore.reads.stats import run_known
from memstore.settings import Settings
from memstore.shards.care import check_edges, places_of, repair_edges
from memstore.shards.division import InOnePlace, Shards
from memstore.shards.publication import PairPublisher
from memstore.shards.search import nearest_in_place
from memstore.shards.writer import ShardedWriter
from memstore.similarity import Near
from memstore.snapshot import sharded_cache
from schema.errors import (
    InputError,
    ShardedError,
    StoreError,
    UnknownMemoryError,
    UnreachableError,
)
from schema.keyed_rollout import Keys
from schema.memory_graph import Floats
from schema.tables import ROLLOUT, SIMILAR_TO, Table

_numbers = count()


@pytest.fixture
def name(stores: Stores) -> Iterator[str]:
    name = f"divided-{next(_numbers)}"
    yield name
    delete_all(name, stores)


Opened = Callable[[type[OneMemory]], OneMemory]


@pytest.fixture
def opened(
    stores: Stores, server_settings: Settings, tmp_path: Path, name: str
) -> Iterator[Opened]:
    """Opens the memory of one name anew, after a delete of what had it before."""
    made: list[OneMemory] = []

    def open_as(kind: type[OneMemory]) -> OneMemory:
        if made:
            made.pop().close()
            delete_all(name, stores)
        settings = server_settings.model_copy(update={"home": tmp_path / kind.__name__})
        made.append(kind(stores, settings, name))
        return made[0]

    yield open_as
    for memory in made:
        memory.close()


def names_of(memory: OneMemory) -> list[str]:
    return [name for _, name in places_of([memory.stores], memory.name)]


def test_four_shards_say_what_one_memory_says(opened: Opened) -> None:
    one = opened(OneMemory)
    expected = what_is_said(one)
    unseen = [replace(rollout, step=1) for rollout in calls()[1]]
    unstored = values(one.scorer.score(unseen, store=False))
    one.scorer.flush()
    one.relink(5)
    one.scorer.learn()
    again = values(one.scorer.score(calls()[3]))
    relinked = current(one)
    assert relinked != expected.neighbours[-1]

    four = opened(FourShards)
    assert_says(four, expected)
    names = names_of(four)
    assert len(names) == COUNT
    assert all(check_memory(four.stores, name).ok for name in names)
    assert neighbours_in(four.rebuilt()) == expected.neighbours[-1]
    found = values(four.scorer.score(unseen, store=False))
    np.testing.assert_allclose(found, unstored, rtol=0, atol=1e-5)
    four.scorer.flush()
    four.relink(5)
    assert four.scorer.learn() == four.scorer.model != "prior"
    np.testing.assert_allclose(values(four.scorer.score(calls()[3])), again, rtol=0, atol=1e-5)
    assert current(four) == relinked == neighbours_in(four.rebuilt())


@pytest.mark.parametrize("repeated_by_another", [False, True])
def test_a_call_that_a_shard_cut_off_is_not_seen_and_is_whole_when_repeated(
    opened: Opened, *, repeated_by_another: bool
) -> None:
    expected = what_is_said(opened(OneMemory))
    four = opened(FourShards)
    assert isinstance(four, FourShards)
    four.scorer.score(calls()[0])
    before = current(four)
    cut = break_one_shard(four)
    with pytest.raises(StoreError, match="gone"):
        four.scorer.score(calls()[1])
    assert cut == [3]
    reader = FourShards(four.stores, four.settings, four.name)
    assert current(reader) == before
    report = check_edges(four.shards)
    assert report.ok
    assert "have no edges yet" in report.notes[0]
    again = reader if repeated_by_another else four
    again.scorer.score(calls()[0])  # As by a trainer that begins again: it stores nothing.
    assert current(again) == before
    said = again.scorer.score(calls()[1])
    np.testing.assert_allclose(values(said), values(expected.scores[1]), rtol=0, atol=1e-5)
    assert current(again) == expected.neighbours[1] == neighbours_in(four.rebuilt())
    assert not check_edges(four.shards).notes
    for number, call in enumerate(calls()[2:], 2):
        four.scorer.score(call)
        assert current(four) == expected.neighbours[number]
    stored = [rollout_ids(four.stores, name) for name in names_of(four)]
    everything = [id_ for ids in stored for id_ in ids]
    assert len(everything) == len(set(everything)) == 90
    reader.close()


def test_shards_in_one_place_accept_all_or_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = what_is_said(opened(OneMemory))
    four = opened(FourShards)
    four.scorer.score(calls()[0])
    seqs = {name: get_memory(four.stores, name).seq for name in names_of(four)}
    copied, copy = list[str](), SqlSession.copy

    def failing(session: SqlSession, table: Table, *arguments: Any, **same: Any) -> None:
        copied.append(table.name)
        copy(session, table, *arguments, **same)
        if table is SIMILAR_TO:
            raise StoreError("the batch is refused")

    with monkeypatch.context() as patch:
        patch.setattr(SqlSession, "copy", failing)
        with pytest.raises(StoreError, match="refused"):
            four.scorer.score(calls()[1])
    assert copied.count(ROLLOUT.name) == copied.count(SIMILAR_TO.name) == 1
    assert seqs == {name: get_memory(four.stores, name).seq for name in names_of(four)}
    said = four.scorer.score(calls()[1])
    np.testing.assert_allclose(values(said), values(expected.scores[1]), rtol=0, atol=1e-5)
    assert current(four) == expected.neighbours[1]


class ShardByShard:
    """Accepts to each shard for itself; the third one's first accept fails."""

    def __init__(self, there: InOnePlace) -> None:
        self.there, self.failed = there, list[int]()

    def accept(
        self, run: str, given: Sequence[Given], encoder: str, keys: Callable[[], Keys], reuse: bool
    ) -> list[Accepted]:
        done = list[Accepted]()
        for number, each in enumerate(given, 1):
            if number == 3 and not self.failed:
                self.failed.append(number)
                continue
            stamp = encoder, DEFAULT_DIMENSION
            done += accept_to_several(
                self.there.stores.vectors, run, [each], stamp, keys=keys, reuse=reuse
            )
        if len(done) < len(given):
            raise StoreError("the shard is gone")
        return done

    def nearest(self, asked: Mapping[str, Floats], neighbours: int) -> list[Near]:
        return nearest_in_place(self.there, asked, neighbours)

    def publisher(self) -> PairPublisher:
        return PairPublisher(self.there)


def break_one_shard(memory: FourShards) -> list[int]:
    """The third shard's next accept fails, by a writer elsewhere; returns which failed."""
    (there,) = memory.shards.together()
    elsewhere = ShardByShard(there)
    writer = ShardedWriter(memory.shards, "run-1", [elsewhere])
    memory.scorer._writer = writer  # pyright: ignore[reportPrivateUsage]
    return elsewhere.failed


def rollout_ids(stores: Stores, memory: str) -> list[str]:
    with stores.vectors.transaction("tables.sql") as session:
        sql = session.of_table(ROLLOUT, [ROLLOUT.column("id")])
        seq = get_memory(stores, memory).seq
        return [row[0] for row in sql.rows("up_to", memory=memory, seq=seq)]


def test_a_call_that_is_never_repeated_is_tied_by_repair_or_by_the_next_one(
    opened: Opened,
) -> None:
    four = opened(FourShards)
    assert isinstance(four, FourShards)
    break_one_shard(four)
    with pytest.raises(StoreError, match="gone"):  # It is the first call of all.
        four.scorer.score(calls()[1])
    reader = FourShards(four.stores, four.settings, four.name)
    assert current(reader) == {}
    assert repair_edges(four.shards)
    assert not repair_edges(four.shards)
    reader.scorer.refresh()
    seen = current(reader)
    assert seen
    assert all(len(rows) == min(7, len(seen) - 1) for rows in seen.values())
    reader.close()


def test_repair_removes_what_a_link_that_was_cut_off_left(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = opened(FourShards)
    assert isinstance(four, FourShards)
    four.scorer.score(calls()[1])
    before = current(four)

    def move(*_: object) -> None:
        raise StoreError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Shards, "move", move)
        with pytest.raises(StoreError, match="killed"):
            four.relink(5)
    assert generations(four) == {0, 1}
    assert not repair_edges(four.shards)
    assert generations(four) == {0}
    assert neighbours_in(four.rebuilt()) == before


def generations(four: FourShards) -> set[int]:
    """Of all edges between queries that are stored, also of those that do not count."""
    found = set[int]()
    for part in four.shards.parts:
        with part.stores.vectors.transaction("shards.sql") as session:
            text = b"SELECT generation FROM memreward.across WHERE memory = %s"
            found |= {row[0] for row in session._connection.execute(text, (part.name,)).fetchall()}
    return found


def test_a_memory_is_divided_or_not(
    opened: Opened, stores: Stores, server_settings: Settings, name: str
) -> None:
    four = opened(FourShards)
    assert isinstance(four, FourShards)
    with pytest.raises(InputError, match="2 shards at least"):
        Shards.over(name, 1, [stores])
    four.scorer.score(calls()[0])
    with pytest.raises(InputError, match="divided into 4 shards, not 3"):
        Shards.over(name, 3, [stores])
    with pytest.raises(ShardedError, match="shards=4"):
        OnlineScorer(stores, server_settings, name, "run-1")
    with pytest.raises(ShardedError, match="shards=4"):
        get_memory(stores, name)
    opened(OneMemory).scorer.score(calls()[0])
    with pytest.raises(InputError, match="cannot be divided"):
        Shards.over(name, 4, [stores])


def test_a_run_that_is_deleted_in_the_shards_is_gone_from_the_snapshot(opened: Opened) -> None:
    four = opened(FourShards)
    assert isinstance(four, FourShards)
    four.scorer.score(calls()[0])
    other = OnlineScorer(four.stores, four.settings, four.name, "run-2", shards=four.shards)
    other.score(calls()[1])
    for memory in (four.scorer, other):
        memory.flush()
    other.close()
    gone = [n for n in names_of(four) if run_known(four.stores, n, "run-2")]
    for name in gone:
        delete_run(four.stores, name, "run-2")
    four.scorer.refresh()
    assert len(current(four)) == len({rollout.query for rollout in calls()[0]})
    delete_memory(four.stores, gone[0])
    with pytest.raises(UnknownMemoryError, match="was deleted"):
        four.scorer.refresh()


def test_a_connection_lost_while_rows_are_read_doubles_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some shards everything had been read by then, of others nothing."""
    four = opened(FourShards)
    four.scorer.score(calls()[0])
    whole_reading, readings = sharded_cache.add_verified, count()

    def fail_once(*arguments: Any) -> None:
        if next(readings) == 1:
            raise UnreachableError("lost")
        whole_reading(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(sharded_cache, "add_verified", fail_once)
        four.scorer.score(calls()[1])
    assert next(readings) > 2
    assert current(four) == neighbours_in(four.rebuilt())
    assert len(current(four)) == len({rollout.query for call in calls()[:2] for rollout in call})
