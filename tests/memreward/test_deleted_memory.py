"""A memory that is deleted while rollouts are written to it stays deleted; each way in says so.

The four ways in are ingest, collect, `Memory` and the HTTP service.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cli_fixtures import as_row, write_jsonl
from support.rollout_factory import make_rollout, make_rollouts
from support.serving import serving
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest
from support.tiny_policy import write_tiny_policy

from memreward.jobs import collect as collect_job
from memreward.jobs.collect import CollectRequest, collect_into_memory
from memreward.jobs.ingest import IngestRequest, ingest_files
from memreward.memory import Memory
from memstore.changes import ingestion
from memstore.changes.rollout_writer import RolloutWriter
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import every_memory
from memstore.settings import Settings
from schema.errors import UnknownMemoryError
from trainer.policy.sampling import Sampling
from trainer.runs import collection as collection_module


@pytest.fixture(params=[False, True], ids=["deleted", "another_of_that_name"])
def deleted(
    request: pytest.FixtureRequest, memory: MemoryUnderTest
) -> Iterator[Callable[[], None]]:
    """Deletes the memory; in the second case another one has its name then."""

    def delete() -> None:
        delete_memory(memory.stores, memory.name)
        if request.param:
            memory.add([make_rollout(90)], run="of-another")

    yield delete
    rows = memory.ask("MATCH (a:Answer {memory: $memory}) RETURN a.source_query_id AS query")
    assert [row["query"] for row in rows] == (["sum-90"] if request.param else [])
    assert (memory.name in every_memory(memory.stores)) == request.param
    with memory.stores.vectors.transaction("delete.sql") as session:
        counts = session.row("counts_of_memory", memory=memory.name)
    assert counts is not None
    assert counts[1] == request.param, "rollouts in Postgres"


class AtStep:
    """A progress callback that acts once, when something has been counted `number` times."""

    def __init__(self, what: str, number: int, act: Callable[[], None]) -> None:
        self.what, self.left, self.act = what, number, act

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if what == self.what:
            self.left -= 1
            if self.left == 0:
                self.act()


@pytest.mark.parametrize("new", [False, True])
def test_ingest(
    memory: MemoryUnderTest,
    deleted: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new: bool,
) -> None:
    """Of a memory that was there, before the first batch; of a new one, after it."""
    monkeypatch.setattr(ingestion, "ROLLOUTS_A_BATCH", 4)
    if not new:
        memory.add(make_rollouts(2))
    file = write_jsonl(tmp_path / "rollouts.jsonl", [as_row(r) for r in make_rollouts(8)])
    request = IngestRequest(files=[file], memory=memory.name, run="r", rejects=tmp_path / "bad")
    progress: Any = AtStep("ingest rollouts" if new else "check rows", 1, deleted)
    writer = RolloutWriter(memory.stores, memory.name, "r")
    with pytest.raises(UnknownMemoryError, match="was deleted"):
        ingest_files(writer, request, progress)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_policy(tmp_path_factory.mktemp("policies") / "tiny")


@pytest.mark.parametrize("new", [False, True])
def test_collect(
    memory: MemoryUnderTest,
    deleted: Callable[[], None],
    policy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new: bool,
    server_settings: Settings,
) -> None:
    monkeypatch.setattr(collection_module, "CPU_BATCH", 2)
    if not new:
        memory.add(make_rollouts(2))
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(
        "".join(json.dumps({"query": f"{n} + 1?", "gold": "1"}) + "\n" for n in (1, 2, 3))
    )
    request = CollectRequest(
        policy=str(policy),
        tasks=str(tasks),
        sampling=Sampling(rollouts=2, max_new_tokens=6),
        labels=0.0,
    )
    progress: Any = AtStep("rollouts", 2 if new else 1, deleted)
    with pytest.raises(UnknownMemoryError, match="was deleted"):
        collect_into_memory(
            memory.stores,
            server_settings,
            memory.name,
            "r",
            collect_job.prepared(request),
            progress,
        )


@pytest.fixture
def scorer(memory: MemoryUnderTest, server_settings: Settings) -> Iterator[Memory]:
    memory.add(make_rollouts(16, 4))
    register(memory, server_settings, small_model())
    opened = Memory(memory.stores, server_settings, memory.name, "r")
    yield opened
    opened.close()


NEW = [make_rollout(30, place, reward=None) for place in range(3)]


def test_memory(scorer: Memory, deleted: Callable[[], None]) -> None:
    deleted()
    for store in (True, False):
        with pytest.raises(UnknownMemoryError, match="was deleted"):
            scorer.score(NEW, store=store)
    with pytest.raises(UnknownMemoryError, match="was deleted"):
        scorer.refresh()
    scorer.flush()


def test_memory_that_was_new_when_opened(
    memory: MemoryUnderTest, deleted: Callable[[], None], server_settings: Settings
) -> None:
    with Memory(memory.stores, server_settings, memory.name, "r", prior=False) as scorer:
        scorer.score(NEW)
        scorer.flush()
        deleted()
        with pytest.raises(UnknownMemoryError, match="was deleted"):
            scorer.score([make_rollout(31)])


def test_service(scorer: Memory, deleted: Callable[[], None]) -> None:
    rows = [{"query": r.query, "answer": r.answer, "rollout": r.place} for r in NEW]
    with serving(scorer) as service:
        assert service.score(*rows).status_code == 200
        scorer.flush()
        deleted()
        answer = service.score(*[{**row, "step": 1} for row in rows])
        assert answer.status_code == 500
        assert "was deleted" in answer.json()["detail"]
