"""Archives of shards: one that was lost takes its place again, and all make the memory anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from support.divided import (
    COUNT,
    FourShards,
    Neighbours,
    calls,
    current,
    delete_all,
    neighbours_in,
    values,
)

from memstore.archive.export import export_memory
from memstore.archive.restore import import_memory
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings
from memstore.shards.care import check_divided, check_edges, places_of, repair_edges
from memstore.shards.division import Shards
from memstore.shards.imported import pair_for, shards_without_rollouts, take_place
from schema.errors import InputError, SettingsError, UnknownMemoryError
from schema.ids import shard_name

_numbers = count()


@dataclass
class Stored:
    """A memory of four shards in two pairs that was scored, linked, learned from and exported."""

    name: str
    home: Path
    settings: Settings
    pairs: list[Stores]
    neighbours: Neighbours
    scores: np.ndarray
    model: str | None

    def archive(self, number: int) -> Path:
        return self.home / f"archive-{number}"

    def shard(self, number: int) -> str:
        return shard_name(self.name, number, COUNT)

    def opened(self, pairs: Sequence[Stores]) -> FourShards:
        return FourShards(pairs[0], self.settings, self.name, *pairs[1:])

    def take(self, number: int, pairs: Sequence[Stores], *, pair_is_lost: bool = False) -> Stores:
        name = self.shard(number)
        chosen = pair_for(pairs, name, pair_is_lost=pair_is_lost)
        import_memory(
            chosen,
            self.archive(number),
            checkpoints=self.settings.home / "checkpoints",
            settled=lambda incarnation: take_place(pairs, name, incarnation),
        )
        return chosen

    def assert_as_before(self, pairs: Sequence[Stores], *, learned: bool = True) -> None:
        """After a link: the same neighbours to the bit, the same scores to 1e-5."""
        four = self.opened(pairs)
        four.relink(5)
        four.scorer.refresh()
        assert current(four) == self.neighbours == neighbours_in(four.rebuilt())
        if learned:
            assert four.scorer.model == self.model
            said = values(four.scorer.score(calls()[3]))
            np.testing.assert_allclose(said, self.scores, rtol=0, atol=1e-5)
        places = places_of(pairs, self.name)
        assert len(places) == COUNT
        assert all(check_memory(*place).ok for place in places)
        report = check_edges(four.shards)
        assert report.ok
        assert not report.notes
        four.close()


@pytest.fixture
def stored(
    stores: Stores, others: list[Stores], server_settings: Settings, tmp_path: Path
) -> Iterator[Stored]:
    name = f"imported-{next(_numbers)}"
    settings = server_settings.model_copy(update={"home": tmp_path})
    pairs = [stores, others[0]]
    four = FourShards(stores, settings, name, others[0])
    for call in calls():
        four.scorer.score(call)
    four.relink(5)
    four.scorer.learn()
    scores = values(four.scorer.score(calls()[3]))
    found = Stored(name, tmp_path, settings, pairs, current(four), scores, four.scorer.model)
    four.scorer.flush()
    four.close()
    for number, part in enumerate(four.shards.parts, 1):
        checkpoints = tmp_path / "checkpoints" / part.name
        export_memory(part.stores, part.name, found.archive(number), checkpoints=checkpoints)
    yield found
    delete_all(name, stores, *others)


@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_shard_that_is_imported_is_as_before(stored: Stored, number: int) -> None:
    pairs, place = stored.pairs, stored.pairs[number - 1]
    delete_memory(place, stored.shard(number))
    with pytest.raises(UnknownMemoryError, match="import its archive"):
        stored.opened(pairs)
    assert stored.take(number, pairs) is place
    (report,) = check_divided(pairs, stored.name)
    assert report.ok
    assert "have no edges yet" in report.notes[0]
    stored.assert_as_before(pairs)


def test_calls_go_on_without_a_link_and_a_snapshot_of_before_is_not_read_on(
    stored: Stored,
) -> None:
    """The shard's next batches have the numbers of those that were lost."""
    pairs = stored.pairs
    delete_memory(pairs[1], stored.shard(2))
    stored.take(2, pairs)
    assert repair_edges(Shards.over(stored.name, COUNT, pairs))
    four, twin = stored.opened(pairs), stored.opened(pairs)
    for call in calls():
        four.scorer.score(call)
    more = [replace(rollout, step=9, query=f"{rollout.query}?") for rollout in calls()[1]]
    four.scorer.score(more)
    assert current(four).keys() > stored.neighbours.keys()
    twin.scorer.refresh()
    assert current(twin) == current(four) == neighbours_in(four.rebuilt())
    four.close()
    twin.close()


def test_who_has_read_the_memory_before_an_imported_shard_had_edges_lacks_none(
    stored: Stored,
) -> None:
    pairs = stored.pairs
    delete_memory(pairs[1], stored.shard(2))
    stored.take(2, pairs)
    four = stored.opened(pairs)
    four.scorer.refresh()
    assert current(four).keys() < stored.neighbours.keys()
    assert repair_edges(four.shards)
    four.scorer.refresh()
    assert current(four).keys() == stored.neighbours.keys()
    assert current(four) == neighbours_in(four.rebuilt())
    four.close()


def test_an_import_that_was_cut_off_is_given_again(stored: Stored) -> None:
    pairs, name = stored.pairs, stored.shard(2)
    delete_memory(pairs[1], name)

    def fail(incarnation: str) -> None:
        take_place(pairs, name, incarnation)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_memory(pairs[1], stored.archive(2), settled=fail)
    with pytest.raises(UnknownMemoryError, match="being imported"):
        stored.opened(pairs)
    stored.take(2, pairs)
    stored.assert_as_before(pairs)


def test_all_shards_make_the_memory_anew(stored: Stored) -> None:
    delete_all(stored.name, *stored.pairs)
    for number in (3, 1, 4, 2):
        stored.take(number, stored.pairs)
        missing = shards_without_rollouts(stored.pairs, stored.name)
        assert stored.shard(number) not in missing
    assert missing == []
    assert [len(_standing(pair, stored)) for pair in stored.pairs] == [2, 2]
    stored.assert_as_before(stored.pairs)


def _standing(stores: Stores, stored: Stored) -> list[str]:
    with stores.vectors.transaction("shards.sql") as session:
        return [row[0] for row in session.rows("standing", memory=stored.name)]


@pytest.mark.parametrize("lost", [0, 1])
def test_shards_of_a_lost_pair_are_imported_into_another(
    stored: Stored, others: list[Stores], lost: int
) -> None:
    gone = stored.pairs[lost]
    delete_all(stored.name, gone)
    pairs = [stored.pairs[1 - lost], others[1]]
    first, second = (1, 3) if lost == 0 else (2, 4)
    with pytest.raises(SettingsError, match="--lost-pair"):
        stored.take(first, pairs)
    assert stored.take(first, pairs, pair_is_lost=True) is others[1]
    assert stored.take(second, pairs, pair_is_lost=lost == 1) in pairs
    stored.assert_as_before(pairs)
    stored.assert_as_before(pairs[::-1])


def test_what_does_not_belong_there_is_refused(stored: Stored) -> None:
    pairs, name = stored.pairs, stored.name
    with pytest.raises(InputError, match="since there is"):
        pair_for([pairs[1], pairs[0]], shard_name(name, 1, 3))
    with pytest.raises(InputError, match="not lost"):
        pair_for(pairs, stored.shard(2), pair_is_lost=True)
    with pytest.raises(InputError, match="already exists"):
        stored.take(2, pairs)
    with pytest.raises(InputError, match="name of a shard"):
        import_memory(pairs[0], stored.archive(2), name=f"{name}-other@2-of-4")
    assert Shards.over(name, COUNT, pairs).division() is not None
