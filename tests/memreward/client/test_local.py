"""A memory in the trainer's own process, on the real databases."""

import asyncio

import pytest
from support.rollout_factory import make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.adapters import verl
from memreward.client import environment as client
from memreward.client.local import LocalClient
from memstore.db.stores import get_memory
from memstore.settings import Settings


def test_a_trainer_asks_a_memory_of_its_own(
    memory: MemoryUnderTest, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(make_rollouts(16, 4), labelled=None)
    register(memory, server_settings, small_model())
    monkeypatch.setenv("MEMREWARD_HOME", str(server_settings.home))
    monkeypatch.setenv("MEMREWARD_MEMORY", memory.name)
    monkeypatch.setenv("MEMREWARD_RUN", "mine")
    client.asked.cache_clear()
    asked = client.asked()
    assert isinstance(asked, LocalClient)
    info = {"question": "What is 3 + 3?", "query_id": "sum-3", "split": "train"}

    async def group(**changes: str) -> list[dict[str, float]]:
        texts = ("The answer is 6.", "The answer is 7.", "The answer is 6.", "")
        return await asyncio.gather(
            *(verl.compute_score("sums", text, None, info | changes) for text in texts)
        )

    try:
        before = get_memory(memory.stores, memory.name).seq
        looked = asyncio.run(group(split="test"))
        assert get_memory(memory.stores, memory.name).seq == before
        given = asyncio.run(group())
    finally:
        asked.close()
        client.asked.cache_clear()
    assert all(0 < entry["score"] < 1 for entry in looked[:3] + given[:3])
    assert looked[3]["score"] == given[3]["score"] == 0.0
    rows = memory.ask(
        "MATCH (:Run {memory: $memory, id: 'mine'})-[:PRODUCED]->(a:Answer) "
        "RETURN a.text AS text ORDER BY text"
    )
    assert [row["text"] for row in rows] == ["6.", "6.", "7."]
