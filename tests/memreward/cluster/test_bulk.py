"""Bulk ingest on a local Ray: the rows of `memreward ingest`, once, also after kills."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.dump import dump
from support.ray_kills import killed_meanwhile, two_files
from support.store_fixtures import MemoryUnderTest

from memreward.base import bars
from memreward.cluster.ray_memory import RayMemory
from memreward.jobs.ingest import IngestRequest, ingest_files
from memstore.changes import ingestion
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings
from schema.errors import InputError

QUESTIONS, PLACES = 600, 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_files(tmp_path, QUESTIONS, PLACES)


@pytest.fixture
def memory(stores: Stores) -> Iterator[MemoryUnderTest]:
    yield MemoryUnderTest(stores, "bulk")
    delete_memory(stores, "bulk")


#: What is killed in turn, each while something works: the reader while the first batch is stored.
KILLS = {
    "EmbedActor": "EmbedActor.prepared",
    "IngestActor": "WriterActor.store",
    "WriterActor": "WriterActor.store",
}


@pytest.mark.slow
@pytest.mark.faults
def test_the_same_memory_as_by_the_command(
    memory: MemoryUnderTest,
    server_settings: Settings,
    folder: Path,
    local_ray: None,
) -> None:
    with bars() as progress:
        request = IngestRequest(files=[folder], memory=memory.name, run="r", labels=0.5)
        writer = RolloutWriter(memory.stores, memory.name, "r")
        expected = ingest_files(writer, request, progress)
    assert expected.report.new == QUESTIONS * PLACES > 2 * ingestion.ROLLOUTS_A_BATCH
    before = dump(memory.stores, memory.name)
    delete_memory(memory.stores, memory.name)
    on_ray = RayMemory(memory.name, run="r", settings=server_settings)
    stages = list[str]()
    try:
        outcome = killed_meanwhile(
            KILLS,
            lambda: on_ray.ingest(
                [folder], labels=0.5, embedders=2, progress=lambda what, *_: stages.append(what)
            ),
        )
        report = outcome.report  # Of the reader that came back: what was stored by then is known.
        assert report.new + report.existing == QUESTIONS * PLACES
        after = dump(memory.stores, memory.name)
        for table, rows in before.items():
            assert after[table] == rows, table
        assert set(stages) & {"check rows", "ingest rollouts", "link queries"}
        again = on_ray.ingest([folder], labels=0.5, embedders=1)
        assert (again.report.new, again.report.existing) == (0, QUESTIONS * PLACES)
        (folder / "c.jsonl").write_text('{"query": "half a row"}\n')
        with pytest.raises(InputError, match="answer"):
            on_ray.ingest([folder])
    finally:
        on_ray.stop()
