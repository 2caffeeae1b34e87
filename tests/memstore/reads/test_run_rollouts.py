import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memstore.reads.run_rollouts import RunRollout, run_rewards
from schema.errors import UnknownMemoryError
from schema.ids import rollout_id


def test_rollouts_with_their_run_policy_and_reward(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(0, p, policy=None) for p in range(2)], run="b")
    memory.add([make_rollout(0, 0, policy="big")], run="a", labelled=frozenset())
    first, *others = run_rewards(memory.stores, memory.name)
    assert first == RunRollout(
        run="a",
        policy="big",
        rollout_id=rollout_id(memory.name, "a", "sum-0", 0, 0),
        query_id=first.query_id,
        reward=None,
    )
    assert [(o.run, o.policy, o.query_id) for o in others] == [("b", None, first.query_id)] * 2
    assert {o.rollout_id: o.reward for o in others} == {
        rollout_id(memory.name, "b", "sum-0", 0, place): make_rollout(0, place).reward
        for place in range(2)
    }


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        run_rewards(memory.stores, memory.name)
