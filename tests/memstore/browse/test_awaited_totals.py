"""A page does not wait for sums that take long, and gets them when they are read."""

import threading
import time

import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.browse import awaited_totals, verified_totals
from memstore.browse.awaited_totals import AwaitedTotals
from memstore.browse.brief_read import View, open_view
from memstore.browse.verified_totals import Totals, all_totals
from schema.errors import StoreError


def awaited(totals: AwaitedTotals, view: View) -> Totals:
    for _ in range(600):
        if (found := totals.of(view)) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("they were never read")


def test_who_asks_while_they_are_read_goes_on_without(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, read = threading.Event(), list[int]()

    def slow(view: View) -> Totals:
        read.append(view.seq)
        assert may.wait(60)
        return all_totals(view)

    monkeypatch.setattr(verified_totals, "all_totals", slow)
    monkeypatch.setattr(awaited_totals, "PATIENCE_S", 0.01)
    memory.add(make_rollouts(3))
    totals = AwaitedTotals(lambda _: memory.stores)
    with open_view(memory.stores, memory.name) as view:
        assert totals.of(view) is None and totals.of(view) is None
        may.set()
        assert awaited(totals, view) == all_totals(view)
    with open_view(memory.stores, memory.name, 0) as earlier:
        assert awaited(totals, earlier) == {}
        assert awaited(totals, earlier) == {}
    assert read == [1]  # What is new since, or was before, is added or taken off.


def test_what_could_not_be_read_is_read_again(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(view: View) -> Totals:
        raise StoreError("not now")

    memory.add(make_rollouts(3))
    totals = AwaitedTotals(lambda _: memory.stores)
    with open_view(memory.stores, memory.name) as view:
        with monkeypatch.context() as patched:
            patched.setattr(verified_totals, "all_totals", fails)
            with pytest.raises(StoreError, match="not now"):
                awaited(totals, view)
        assert awaited(totals, view) == all_totals(view)
