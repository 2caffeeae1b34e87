"""Lists of what to label are made by another process, and hold little of the memory."""

import tracemalloc

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

import gnn.jobs
from gnn.jobs import suggest_whole_queries
from memreward.jobs import ListKind, label_list
from memstore.settings import Settings
from schema.errors import CheckpointError


def test_the_process_that_asks_makes_nothing(
    memory: MemoryUnderTest, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_here(*_: object) -> None:
        raise AssertionError("this process keeps what that takes")

    memory.add([make_rollout(number, 0, reward=None) for number in range(4)])
    wanted = suggest_whole_queries(memory.stores, memory.name, 100)
    monkeypatch.setattr(gnn.jobs, "suggest_whole_queries", made_here)
    monkeypatch.setattr(gnn.jobs, "find_suspects", made_here)
    found = label_list(server_settings, memory.name, ListKind.SUGGESTED)
    assert [item.rollout_id for item in found] == [
        row["rollouts"][0]["rollout_id"] for row in wanted
    ]
    with pytest.raises(CheckpointError, match="memreward train"):
        label_list(server_settings, memory.name, ListKind.SUSPECTS)


def test_suggestions_do_not_read_what_rollouts_say(memory: MemoryUnderTest) -> None:
    long = "I add the numbers. " * 50_000
    memory.add(
        [
            make_rollout(number, place, thinking=long, reward=None)
            for number in range(4)
            for place in range(4)
        ]
    )
    suggest_whole_queries(memory.stores, memory.name, 2)  # What is imported counts once.
    tracemalloc.start()
    try:
        found = suggest_whole_queries(memory.stores, memory.name, 2)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 2
    assert most < len(long)  # The memory has sixteen of them.
