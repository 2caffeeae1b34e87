"""Sums that are kept are those that reading everything gives, whatever happened since."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.browse import verified_totals
from memstore.browse.brief_read import View, open_view
from memstore.browse.verified_totals import Totals, VerifiedTotals, all_totals
from memstore.changes import add_labels, delete_run
from schema.reward import VerifiedReward


def both(totals: VerifiedTotals, view: View) -> tuple[Totals, Totals]:
    return totals.of(view), all_totals(view)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The views of which everything was read."""
    seen: list[int] = []

    def noted(view: View) -> Totals:
        seen.append(view.seq)
        return all_totals(view)

    monkeypatch.setattr(verified_totals, "all_totals", noted)
    yield seen


def test_only_what_is_new_is_read(memory: MemoryUnderTest, reads: list[int]) -> None:
    totals = VerifiedTotals()
    memory.add(make_rollouts(3))
    with open_view(memory.stores, memory.name) as view:
        kept, read = both(totals, view)
        assert kept == read
        some = view.session.rows("rollouts_of_steps", **view.bounds, run="run-1", steps=[0])
    # A query that is known gets more, another policy comes, and a verdict is replaced.
    memory.add([make_rollout(1, place, reward=1.0, policy="other") for place in (7, 8)], run="two")
    memory.add([make_rollout(9, 0, reward=0.5)])
    said = VerifiedReward(rollout_id=some[0][0], value=0.25, source="somebody")
    add_labels(memory.stores, memory.name, [said], [])
    with open_view(memory.stores, memory.name) as view:
        kept, read = both(totals, view)
        assert kept == read and ("two", "other") in kept
        before = replace(view, seq=1)
        assert totals.of(before) == all_totals(before)
    assert reads == [1]


def test_more_than_is_worth_adding(
    memory: MemoryUnderTest, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_totals, "MOST_NEW", 3)
    totals = VerifiedTotals()
    for question in (1, 2):
        memory.add([make_rollout(question, place, reward=1.0) for place in range(4)])
        with open_view(memory.stores, memory.name) as view:
            kept, read = both(totals, view)
            assert kept == read
    assert reads == [1, 2]


def test_after_a_delete_all_is_read_again(memory: MemoryUnderTest, reads: list[int]) -> None:
    totals = VerifiedTotals()
    memory.add(make_rollouts(2))
    memory.add([make_rollout(1, 9, reward=1.0)], run="two")
    with open_view(memory.stores, memory.name) as view:
        totals.of(view)
    delete_run(memory.stores, memory.name, "run-1")
    with open_view(memory.stores, memory.name) as view:
        kept, read = both(totals, view)
    assert kept == read and {run for run, _ in kept} == {"two"}
    assert len(reads) == 2
