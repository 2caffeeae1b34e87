"""A memory with everything that one can hold, and all of it in a form that can be compared."""

from dataclasses import replace
from typing import Any

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import (
    list_models,
    read_propagated,
    register_model,
    write_propagated,
)
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.stores import get_memory
from memstore.encoders.default import Encoder
from memstore.reads.full_graph import read_graph
from memstore.reads.history import read_history
from memstore.reads.stats import memory_stats
from schema.ids import rollout_id
from schema.reward import Preference, PropagatedReward, VerifiedReward

EVERYTHING = (
    "MATCH (n {memory: $memory}) WHERE NOT n:Memory "
    "RETURN labels(n)[0] AS label, properties(n) AS own, "
    "COLLECT { MATCH (n)-[e]->(m) RETURN type(e) + ' ' + m.id + ' ' + e.seq + ' ' "
    "+ coalesce(toString(e.score), '') + ' ' + coalesce(e.encoder, '') + ' ' "
    "+ coalesce(toString(e.generation), '') + ' ' + coalesce(e.memory, '') + ' ' "
    "+ coalesce(toString(e.step), '') + ' ' + coalesce(e.annotator, '') "
    "+ coalesce(toString(e.reward), '') + coalesce(e.same_as, '') ORDER BY type(e), m.id } "
    "AS edges ORDER BY label, n.id"
)


def first(memory: MemoryUnderTest, place: int = 0) -> str:
    return rollout_id(memory.name, "run-1", "sum-1", 0, place)


@pytest.fixture
def lived(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Several batches of every kind, history included."""
    memory.add(make_rollouts(10))
    memory.link()
    bare: dict[str, Any] = {
        "policy_signals": None,
        "policy_embedding": None,
        "policy_layer": None,
        "policy": None,
    }
    memory.add([make_rollout(20, **bare, truncated=None, completion_tokens=None)], run="run-2")
    stores, name = memory.stores, memory.name
    writer = RolloutWriter(stores, name, "run-4", Encoder(), reuse=True)
    writer.add([make_rollout(2, 4, reward=None)])
    register_model(stores, name, "m1", {"kind": "test", "nested": {"a": [1, 2]}})
    for value in (0.3, None):
        reward = PropagatedReward(rollout_id=first(memory), value=value, confidence=0.5, model="m1")
        write_propagated(stores, name, [reward])
    for who, said in (("ann", 0.0), ("bob", 0.5), ("ann", 1.0)):
        add_labels(stores, name, [VerifiedReward(rollout_id=first(memory), value=said, source=who)])
    for better, worse in ((0, 1), (1, 0)):
        pair = Preference(better=first(memory, better), worse=first(memory, worse), annotator="ann")
        add_labels(stores, name, [], [pair])
    return memory


def contents(memory: MemoryUnderTest) -> dict[str, object]:
    """All of a memory, in a form that can be compared."""
    graph = read_graph(memory.stores, memory.name)
    nodes = memory.ask(EVERYTHING)
    for node in nodes:  # Neo4j's clock and Postgres' differ by the time of one message.
        node["own"].pop("propagated_at", None)  # pyright: ignore[reportAttributeAccessIssue]
    arrays = {
        name: value.tobytes() if hasattr(value, "tobytes") else value
        for name, value in vars(graph).items()
    }
    return {
        "nodes": nodes,
        "arrays": arrays,
        "propagated": read_propagated(memory.stores, memory.name),
        "models": list_models(memory.stores, memory.name),
        "history": read_history(memory.stores, memory.name, first(memory)),
        "state": replace(get_memory(memory.stores, memory.name), incarnation=""),
        "counts": memory_stats(memory.stores, memory.name)["counts"],
    }
