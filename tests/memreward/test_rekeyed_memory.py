"""Scores after a re-keying are those of a memory that was ingested with the new keys."""

import pytest
from support.old_keys import old_keys
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from gnn.base.reward_model import RewardModel
from memreward.memory import Memory
from memstore.changes.rekeying import rekey
from memstore.outbox.deletion import delete_memory
from memstore.reads.full_graph import read_graph
from memstore.settings import Settings
from schema.errors import KeysVersionError
from schema.rollout import Rollout

NEW: list[Rollout] = [
    make_rollout(question, place, step=1, reward=None)
    for question in (1, 2, 3, 30)
    for place in (0, 1)
]


def fill(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(16, 4), labelled=frozenset(r.query for r in make_rollouts(8)))


def predictions(memory: MemoryUnderTest, model: RewardModel) -> dict[str, float]:
    """What the model says of every rollout, from the whole graph in both databases."""
    graph = read_graph(memory.stores, memory.name)
    return dict(zip(graph.rollout_id_R, model.predict(graph).tolist(), strict=True))


def test_an_open_memory_scores_by_the_new_keys(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    model = small_model()
    with old_keys():
        fill(memory)
    register(memory, server_settings, model)
    opened = Memory(memory.stores, server_settings, memory.name, "run-1")
    opened.score(make_rollouts(16, 4), store=False)  # Fills the caches.
    with pytest.raises(KeysVersionError):
        opened.score(NEW)
    before = predictions(memory, model)
    rekey(memory.stores, memory.name)
    after = predictions(memory, model)
    assert after != pytest.approx(before, abs=1e-4)  # The keys matter to this model.
    found = {score.rollout_id: score.value for score in opened.score(NEW)}
    opened.close()
    delete_memory(memory.stores, memory.name)
    fill(memory)
    assert predictions(memory, model) == pytest.approx(after, abs=1e-6)
    memory.add(NEW)
    whole = predictions(memory, model)
    assert found == pytest.approx({id_: whole[id_] for id_ in found}, abs=1e-5)
