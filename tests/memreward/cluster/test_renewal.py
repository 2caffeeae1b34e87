"""Re-embedding and linking on a local Ray: what the commands make, once, also after kills."""

from collections.abc import Iterator

import pytest
from faults.dump import dump
from support.ray_kills import killed_meanwhile
from support.reembedding import KILLED_EMBEDDING, HashEncoder, wordy
from support.store_fixtures import MemoryUnderTest

from memreward.cluster.ray_memory import RayMemory
from memstore.changes.reembedding import reembed
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores, get_memory
from memstore.encoders.default import DEFAULT_ENCODER, Encoder
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings
from schema.errors import InputError

#: As `KILLED_EMBEDDING`, of a `link`.
LINKING = {
    "LinkWorker": "LinkWorker.edges",
    "RenewActor": "LinkWorker.edges",
    "LinkWorker again": "LinkWorker.edges",
}


@pytest.fixture
def memory(stores: Stores) -> Iterator[MemoryUnderTest]:
    yield MemoryUnderTest(stores, "renewed")
    delete_memory(stores, "renewed")


@pytest.fixture
def on_ray(
    memory: MemoryUnderTest, server_settings: Settings, local_ray: None
) -> Iterator[RayMemory]:
    made = RayMemory(memory.name, run="run-1", settings=server_settings)
    yield made
    made.stop()


def filled(memory: MemoryUnderTest, questions: int, places: int) -> None:
    memory.add([wordy(n, p) for n in range(questions) for p in range(places)])


@pytest.mark.slow
@pytest.mark.faults
def test_the_vectors_of_the_command(memory: MemoryUnderTest, on_ray: RayMemory) -> None:
    filled(memory, 100, 11)
    reembed(memory.stores, memory.name, HashEncoder())
    texts = reembed(memory.stores, memory.name, Encoder())
    expected = dump(memory.stores, memory.name)
    delete_memory(memory.stores, memory.name)
    filled(memory, 100, 11)
    reembed(memory.stores, memory.name, HashEncoder())
    told: list[str] = []
    made = killed_meanwhile(
        KILLED_EMBEDDING,
        lambda: on_ray.reembed(workers=2, progress=lambda what, *_: told.append(what)),
    )
    assert 0 < made <= texts  # Of the actor that came back: what was stored by then is known.
    assert get_memory(memory.stores, memory.name).encoder == DEFAULT_ENCODER
    found = dump(memory.stores, memory.name)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert check_memory(memory.stores, memory.name).ok
    assert "embed texts" in told
    assert on_ray.reembed() == 0
    with pytest.raises(InputError, match=r"modules\.json"):
        on_ray.reembed("/no/such/folder")


@pytest.mark.slow
@pytest.mark.faults
def test_the_edges_of_the_command(memory: MemoryUnderTest, on_ray: RayMemory) -> None:
    filled(memory, 6000, 1)
    edges = memory.link()
    expected = dump(memory.stores, memory.name)
    generation = get_memory(memory.stores, memory.name).generation
    assert killed_meanwhile(LINKING, lambda: on_ray.link(workers=2)) == edges
    assert get_memory(memory.stores, memory.name).generation > generation
    found = dump(memory.stores, memory.name)
    edges_of = [[row[1:5] for row in one["similar_to"]] for one in (found, expected)]
    assert edges_of[0] == edges_of[1]  # Under another number of generation and batch.
    assert len(edges_of[0]) == edges
    assert check_memory(memory.stores, memory.name).ok
    with pytest.raises(InputError, match="at least 1"):
        on_ray.link(0)
