from datetime import UTC, datetime, timedelta

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.reads.history import parse_as_of, read_history
from schema import tables
from schema.errors import InputError, UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import Preference, PropagatedReward, VerifiedReward


@pytest.fixture
def told(memory: MemoryUnderTest) -> MemoryUnderTest:
    """1 ingest, 2 model, 3 propagated .2, 4 ann 0, 5 bob 1, 6 ann .5, 7 ann prefers, 8 prop .9."""
    memory.add([make_rollout(1, 0), make_rollout(1, 1)], labelled=frozenset())
    stores, name = memory.stores, memory.name
    register_model(stores, name, "m1", {})
    propagate(memory, 0.2)
    for who, value in (("ann", 0.0), ("bob", 1.0), ("ann", 0.5)):
        add_labels(
            stores, name, [VerifiedReward(rollout_id=id_of(memory), value=value, source=who)]
        )
    pair = Preference(better=id_of(memory, 1), worse=id_of(memory), annotator="ann")
    add_labels(stores, name, [], [pair])
    propagate(memory, 0.9)
    return memory


def id_of(memory: MemoryUnderTest, place: int = 0) -> str:
    return rollout_id(memory.name, "run-1", "sum-1", 0, place)


def propagate(memory: MemoryUnderTest, value: float | None) -> None:
    reward = PropagatedReward(rollout_id=id_of(memory), value=value, confidence=0.5, model="m1")
    write_propagated(memory.stores, memory.name, [reward])


def test_who_said_what_in_order(told: MemoryUnderTest) -> None:
    found = read_history(told.stores, told.name, id_of(told))
    assert [(s.seq, s.kind, s.who, s.value) for s in found.statements] == [
        (3, "propagated", "m1", 0.2),
        (4, "verified", "ann", 0.0),
        (5, "verified", "bob", 1.0),
        (6, "verified", "ann", 0.5),
        (7, "preferred", "ann", None),
        (8, "propagated", "m1", 0.9),
    ]
    assert found.statements[4].better is False
    assert found.statements[4].other == id_of(told, 1)
    assert (found.verified, found.propagated, found.reward) == (0.75, 0.9, 0.75)


@pytest.mark.parametrize(
    ("seq", "verified", "propagated", "reward"),
    [
        (1, None, None, None),
        (3, None, 0.2, 0.2),
        (4, 0.0, 0.2, 0.0),
        (5, 0.5, 0.2, 0.5),
        (6, 0.75, 0.2, 0.75),
        (99, 0.75, 0.9, 0.75),
    ],
)
def test_as_of_a_batch(
    told: MemoryUnderTest,
    seq: int,
    verified: float | None,
    propagated: float | None,
    reward: float | None,
) -> None:
    found = read_history(told.stores, told.name, id_of(told), seq)
    assert (found.verified, found.propagated, found.reward) == (verified, propagated, reward)
    assert all(item.seq <= seq for item in found.statements)


def test_as_of_a_time(told: MemoryUnderTest) -> None:
    everything = read_history(told.stores, told.name, id_of(told))
    with told.stores.vectors.transaction("reads.sql") as session:
        batches = session.of_table(tables.BATCH, tables.BATCH.archived).rows(
            "up_to", memory=told.name, seq=99
        )
    accepted = {seq: at for seq, _, at, _ in batches}
    assert sorted(accepted.values()) == [accepted[seq] for seq in sorted(accepted)]
    found = read_history(told.stores, told.name, id_of(told), accepted[5])
    assert (found.seq, found.verified) == (5, 0.5)
    later = datetime.now(UTC) + timedelta(days=1)
    assert read_history(told.stores, told.name, id_of(told), later).statements == (
        everything.statements
    )
    with pytest.raises(InputError, match="came with batch 1"):
        read_history(told.stores, told.name, id_of(told), later - timedelta(days=100))


def test_no_opinion_is_a_value(told: MemoryUnderTest) -> None:
    propagate(told, None)
    found = read_history(told.stores, told.name, id_of(told))
    assert found.propagated is None
    assert found.statements[-1].confidence == 0.5


def test_what_is_not_there(told: MemoryUnderTest) -> None:
    with pytest.raises(InputError, match="no rollout 'x'"):
        read_history(told.stores, told.name, "x")
    with pytest.raises(UnknownMemoryError):
        read_history(told.stores, "nowhere", id_of(told))


def test_as_of_is_a_number_or_a_time() -> None:
    assert parse_as_of("17") == 17
    assert parse_as_of("2026-01-31T12:00:00+01:00") == datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert parse_as_of("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    for text in ("yesterday", "-1", ""):
        with pytest.raises(InputError, match="no sequence number and no time"):
            parse_as_of(text)
