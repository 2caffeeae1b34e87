"""Queries with their rollouts and current rewards, as of one sequence number."""

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.reads.query_groups import rollouts_by_query, stored_rewards
from schema.errors import UnknownMemoryError
from schema.ids import query_id, rollout_id
from schema.reward import PropagatedReward, VerifiedReward


def test_a_query_has_the_rollouts_of_all_runs_and_their_current_rewards(
    memory: MemoryUnderTest,
) -> None:
    stores, name = memory.stores, memory.name
    memory.add(make_rollouts(3, 2), run="a", labelled=frozenset())
    memory.add([make_rollout(1, place) for place in range(2)], run="b", labelled=frozenset())
    register_model(stores, name, "m1", {})
    ids = [rollout_id(name, run, "sum-1", 0, place) for run in "ab" for place in range(2)]
    for values in ((0.1, 0.2, 0.3), (0.9, None, 0.4)):
        rewards = [
            PropagatedReward(rollout_id=id_, value=value, confidence=0.5, model="m1")
            for id_, value in zip(ids, values, strict=False)
        ]
        write_propagated(stores, name, rewards)
    for said, source in ((0.0, "ann"), (1.0, "ann"), (0.5, "bob")):
        add_labels(stores, name, [VerifiedReward(rollout_id=ids[2], value=said, source=source)])

    found = stored_rewards(stores, name)
    assert (found.queries, found.rollouts, found.verified, found.propagated) == (3, 8, 1, 2)
    groups = list(rollouts_by_query(stores, name, found.seq))
    texts = {f"What is {n} + {n}?" for n in range(3)}
    assert {group.text for group in groups} == texts
    assert [group.query_id for group in groups] == sorted(query_id(name, text) for text in texts)
    (group,) = [group for group in groups if group.text == "What is 1 + 1?"]
    assert (group.dataset, group.domain) == ("sums", "math")
    assert [rollout.id for rollout in group.rollouts] == sorted(ids)
    by_id = {rollout.id: rollout for rollout in group.rollouts}
    shown = [(by_id[id_].verified, by_id[id_].propagated, by_id[id_].model) for id_ in ids]
    assert shown == [(None, 0.9, "m1"), (None, None, "m1"), (0.75, 0.4, "m1"), (None, None, None)]
    first = by_id[ids[0]]
    assert (first.run, first.policy, first.step) == ("a", "tiny", 0)
    assert (first.thinking, first.answer) == ("I add them up, attempt 0.", "The answer is 3.")
    assert first.conclusion_id == by_id[ids[2]].conclusion_id != by_id[ids[1]].conclusion_id


def test_what_came_later_is_not_seen(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(1, 2), labelled=frozenset())
    before = stored_rewards(memory.stores, memory.name)
    id_ = rollout_id(memory.name, "run-1", "sum-0", 0, 0)
    add_labels(
        memory.stores, memory.name, [VerifiedReward(rollout_id=id_, value=1.0, source="ann")]
    )
    memory.add(make_rollouts(1, 2, first=1))
    (group,) = rollouts_by_query(memory.stores, memory.name, before.seq)
    assert [rollout.verified for rollout in group.rollouts] == [None, None]


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        stored_rewards(memory.stores, memory.name)
