import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.reads.stats import run_stats
from schema.errors import UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import PropagatedReward


def test_what_each_run_brought(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2, 4), run="a")
    second = [make_rollout(1, p, step=s, policy="big") for s in (3, 7) for p in range(2)]
    memory.add(second, run="b", labelled=frozenset())
    register_model(memory.stores, memory.name, "m1", {})
    ids = [rollout_id(memory.name, "b", "sum-1", 3, place) for place in range(2)]
    write_propagated(
        memory.stores,
        memory.name,
        [
            PropagatedReward(rollout_id=id_, value=value, confidence=1.0, model="m1")
            for id_, value in zip(ids, (0.25, 0.75), strict=True)
        ],
    )
    first, other = run_stats(memory.stores, memory.name)
    assert first == {
        "run": "a",
        "policy": "tiny",
        "checkpoint": None,
        "queries": 2,
        "rollouts": 8,
        "first_step": 0,
        "last_step": 0,
        "verified": 8,
        "propagated": 0,
        "mean_verified": pytest.approx(0.5),
        "mean_propagated": None,
    }
    assert (other["policy"], other["queries"], other["rollouts"]) == ("big", 1, 4)
    assert (other["first_step"], other["last_step"]) == (3, 7)
    assert (other["verified"], other["propagated"], other["mean_propagated"]) == (0, 2, 0.5)


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        run_stats(memory.stores, memory.name)
