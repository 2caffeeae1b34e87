"""Re-embedding of a memory in shards on Ray: what one process makes, also after kills."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.divided import delete_all
from support.ray_kills import killed_meanwhile
from support.reembedding import KILLED_EMBEDDING, HashEncoder, wordy
from support.stored_rows import assert_whole, edges_across, rows_of, stored

from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.encoders.default import Encoder
from memstore.settings import Settings
from memstore.shards.division import Shards
from memstore.shards.reembedding import reembed_shards
from memstore.shards.writer import ShardedWriter

NAME, COUNT, QUESTIONS, PLACES = "renewed-in-shards", 4, 100, 11


@pytest.fixture
def shards(stores: Stores) -> Iterator[Shards]:
    yield Shards.over(NAME, COUNT, [stores])
    delete_all(NAME, stores)


def filled(shards: Shards) -> None:
    """The memory anew, with vectors of another encoder."""
    writer = ShardedWriter(shards, "run-1")
    writer.write(
        [[wordy(n, p) for n in range(QUESTIONS) for p in range(PLACES)]], lambda rows: None
    )
    reembed_shards(shards, HashEncoder(), None, lambda what, done, total: None)


def everything(servers: Addresses) -> list[list[tuple[Any, ...]]]:
    """Vectors, rollouts and edges."""
    named = "WHERE memory = %s OR starts_with(memory, %s) ORDER BY id"
    columns = "thinking_embedding::text, answer_embedding::text"
    return [
        rows_of(servers, NAME, f"SELECT id, embedding::text FROM memreward.query {named}"),
        rows_of(servers, NAME, f"SELECT id, {columns} FROM memreward.rollout {named}"),
        stored(servers, NAME),
        [*edges_across(servers, NAME)],
    ]


@pytest.mark.slow
@pytest.mark.faults
def test_the_vectors_and_edges_of_one_process(
    shards: Shards,
    stores: Stores,
    servers: Addresses,
    server_settings: Settings,
    local_ray: None,
) -> None:
    filled(shards)
    texts = reembed_shards(shards, Encoder(), None, lambda what, done, total: None)
    expected = everything(servers)
    delete_all(NAME, stores)
    on_ray = RayMemory(NAME, run="run-1", shards=COUNT, settings=server_settings)
    try:
        filled(shards)
        hashed = edges_across(servers, NAME)
        made = killed_meanwhile(KILLED_EMBEDDING, lambda: on_ray.reembed(workers=2))
        assert 0 < made <= texts  # Of the actor that came back: what was stored by then is known.
        assert everything(servers) == expected
        assert edges_across(servers, NAME) != hashed
        assert_whole(stores, NAME, COUNT)
        assert on_ray.reembed() == 0
        (writer,) = on_ray._writers
        ray_library().kill(writer, no_restart=False)
        assert on_ray.score([wordy(QUESTIONS, 0)])[0].value is not None
        on_ray.flush()
        assert_whole(stores, NAME, COUNT)
    finally:
        on_ray.stop()
