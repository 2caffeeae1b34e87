"""A memory with a small model, and what users open of it."""

from collections.abc import Iterator

import pytest
from support.rollout_factory import make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.memory import Memory
from memstore.settings import Settings


@pytest.fixture
def trained(memory: MemoryUnderTest, server_settings: Settings) -> MemoryUnderTest:
    """A memory with a small model."""
    memory.add(make_rollouts(16, 4), labelled=None)
    register(memory, server_settings, small_model())
    return memory


@pytest.fixture
def opened(trained: MemoryUnderTest, server_settings: Settings) -> Iterator[Memory]:
    memory = Memory(trained.stores, server_settings, trained.name, "run-1")
    yield memory
    memory.close()
