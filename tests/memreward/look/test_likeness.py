"""Queries that are like a text that is typed."""

import re
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from support.look import Pages, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.stores import Stores
from schema.memory_graph import Floats


@pytest.fixture
def pages(stores: Stores) -> Iterator[Pages]:
    with looking(stores) as served:
        yield served


def embedded(texts: list[str]) -> Floats:
    vector = make_rollout(3).query_embedding
    assert vector is not None
    return np.stack([vector for _ in texts])


def test_search_by_likeness(
    memory: MemoryUnderTest, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(6))
    memory.add([make_rollout(40, query="Something else", reward=None)], run="run-2")
    typed: list[str] = []

    def encode(_: object, texts: list[str], *__: object) -> Floats:
        typed.extend(texts)
        return embedded(texts)

    monkeypatch.setattr("memstore.encoders.default.Encoder.encode", encode)
    found, again = (
        pages.text("/groups", memory=memory.name, like="three and three") for _ in range(2)
    )
    assert found == again
    first = re.search(r"What is (\d)", found)
    assert first is not None and first[1] == "3" and '<td class="n">1.00</td>' in found
    assert typed == ["three and three"] and found.count("<tr data-row>") == 7
    narrowed = pages.text("/groups", memory=memory.name, like="three and three", only="unverified")
    assert narrowed.count("<tr data-row>") == 1 and "Something else" in narrowed
    earlier = pages.text("/groups", memory=memory.name, like="three and three", as_of=1)
    assert "Something else" not in earlier


def test_the_page_does_not_wait_for_the_encoder(
    memory: MemoryUnderTest, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = threading.Event()

    def encode(_: object, texts: list[str], *__: object) -> Floats:
        assert ready.wait(120)
        return embedded(texts)

    monkeypatch.setattr("memstore.encoders.default.Encoder.encode", encode)
    monkeypatch.setattr("memreward.look.groups.PATIENCE_S", 0.01)
    memory.add(make_rollouts(6))
    for _ in range(2):
        early = pages.text("/groups", memory=memory.name, like="three and three")
        assert "encoder of the memory is being read" in early and "data-again" in early
    ready.set()
    monkeypatch.setattr("memreward.look.groups.PATIENCE_S", 120.0)
    found = pages.text("/groups", memory=memory.name, like="three and three")
    assert "data-again" not in found and found.count("<tr data-row>") == 6
