"""The publisher behind a scorer: what it says of a server that was away."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.graph_store import GraphStore
from memstore.db.stores import Stores, get_memory
from memstore.outbox import background_publisher
from memstore.outbox.background_publisher import BackgroundPublisher
from schema.errors import UnreachableError


@pytest.fixture
def publisher(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BackgroundPublisher]:
    """It has something to publish, and does not reach a server the first time."""
    whole, tries = background_publisher.publish, list[str]()

    def publish(stores: Stores, name: str) -> int:
        tries.append(name)
        if len(tries) == 1:
            raise UnreachableError("away")
        return whole(stores, name)

    monkeypatch.setattr(background_publisher, "publish", publish)
    memory.accept(make_rollouts(2, 2))
    with closing(BackgroundPublisher(memory.stores, memory.name)) as made:
        made.wake()
        with made._changed:
            assert made._changed.wait_for(lambda: made._error is not None, 60)
        yield made


def test_a_server_that_is_back_is_no_error(
    publisher: BackgroundPublisher, memory: MemoryUnderTest
) -> None:
    publisher.raise_error()
    publisher.flush()
    assert get_memory(memory.stores, memory.name).published_seq == 1


def test_flush_goes_on_with_a_server_that_is_back(
    publisher: BackgroundPublisher, memory: MemoryUnderTest
) -> None:
    publisher.flush()
    assert get_memory(memory.stores, memory.name).published_seq == 1


def test_a_server_that_is_still_away_is_told_once(
    publisher: BackgroundPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise UnreachableError("away still")

    monkeypatch.setattr(GraphStore, "read", read)
    with pytest.raises(UnreachableError, match="away"):
        publisher.raise_error()
    publisher.raise_error()
