"""Bulk work on a memory in shards on Ray: what one memory gets, also after kills."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from support.divided import delete_all, values
from support.ray_kills import killed_meanwhile, two_files
from support.stored_rows import assert_whole, edges_across, edges_of_one, stored, visible

from memreward.base import bars
from memreward.cluster.ray_memory import RayMemory
from memreward.jobs.ingest import IngestRequest, ingest_files
from memreward.memory import Memory
from memstore.changes.relink import link
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.settings import Settings

NAME, COUNT, QUESTIONS, PLACES, NEIGHBOURS = "bulk-in-shards", 4, 700, 4, 5
ASKED = [{"query": "How much is 3 + 4?", "completion": f"#### {n}"} for n in (7, 8)]
INGESTING = {
    "EmbedActor": "EmbedActor.prepared",
    "IngestActor": "WriterActor.store",
    "WriterActor": "WriterActor.store",
}
LINKING = {
    "LinkWorker": "LinkWorker.edges_across",
    "RenewActor": "LinkWorker.edges_across",
    "LinkWorker again": "LinkWorker.edges_across",
}
T = TypeVar("T")


@pytest.fixture(autouse=True)
def gone(stores: Stores) -> Iterator[None]:
    yield
    delete_all(NAME, stores)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_files(tmp_path, QUESTIONS, PLACES)


@pytest.mark.slow
@pytest.mark.faults
def test_what_one_memory_gets(
    stores: Stores,
    servers: Addresses,
    server_settings: Settings,
    folder: Path,
    local_ray: None,
) -> None:
    with bars() as progress:
        request = IngestRequest(files=[folder], memory=NAME, run="r", labels=0.5)
        expected = ingest_files(RolloutWriter(stores, NAME, "r"), request, progress).report
    assert expected.new == QUESTIONS * PLACES
    before, edges = stored(servers, NAME), edges_of_one(servers, NAME)
    with Memory.open(NAME, run="r", settings=server_settings) as memory:
        said = memory.score(ASKED, store=False)
    assert link(stores, NAME, NEIGHBOURS) == QUESTIONS * NEIGHBOURS
    fewer = edges_of_one(servers, NAME)
    delete_all(NAME, stores)
    on_ray = RayMemory(NAME, run="r", shards=COUNT, settings=server_settings)
    try:
        outcome = killed_meanwhile(
            INGESTING, lambda: on_ray.ingest([folder], labels=0.5, embedders=2)
        )
        assert outcome.report.new + outcome.report.existing == QUESTIONS * PLACES
        assert stored(servers, NAME) == before
        assert edges_across(servers, NAME) == edges
        assert_whole(stores, NAME, COUNT)
        ids = visible(stores, NAME)
        assert len(ids) == len(set(ids)) == QUESTIONS * PLACES
        again = on_ray.ingest([folder], labels=0.5, embedders=1).report
        assert (again.new, again.existing, again.edges) == (0, QUESTIONS * PLACES, 0)
        on_ray.refresh()
        found = on_ray.score(ASKED, store=False)
        np.testing.assert_allclose(values(found), values(said), rtol=0, atol=1e-5)
        made = killed_meanwhile(LINKING, lambda: on_ray.link(NEIGHBOURS, workers=2))
        assert made == QUESTIONS * NEIGHBOURS
        assert edges_across(servers, NAME) == fewer
        assert_whole(stores, NAME, COUNT)
    finally:
        on_ray.stop()
