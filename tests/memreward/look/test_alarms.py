"""Alarms of a run that is in a memory: those that the run had, had it been watched."""

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

import trainer
from memreward.look.alarms import alarms, audit_alarms
from memstore.browse import RunCalls, signs_of_ends
from memstore.browse.brief_read import open_view
from schema.rollout import Rollout

STEPS = 24


def collapsing(*, reward_at_end: float) -> list[Rollout]:
    """Eight queries a step with two rollouts: half of them agree at first, all of them at last."""
    return [
        make_rollout(
            step * 8 + query,
            place,
            step=step,
            answer=f"The answer is {7 if step >= 12 else 100 * query + place * (query % 2)}.",
            reward=reward_at_end if step >= 12 else 0.5,
            completion_tokens=30 if step < 12 else 60,
        )
        for step in range(STEPS)
        for query in range(8)
        for place in range(2)
    ]


def test_a_run_that_collapses(memory: MemoryUnderTest) -> None:
    memory.add(collapsing(reward_at_end=0.0))
    with open_view(memory.stores, memory.name) as view:
        signs = signs_of_ends(view, "run-1", trainer.ends)
        found = alarms(view, "run-1", RunCalls(made=9))
        chosen = alarms(view, "run-1", RunCalls(made=9, saved=1))
    assert [one.step for one in signs] == [*range(10), *range(STEPS - 10, STEPS)]
    assert {(one.n_queries, one.tokens, one.in_groups, one.everywhere) for one in signs} == {
        (8, 30.0, 0.75, 0.125),
        (8, 60.0, 1.0, 1.0),
    }
    assert [text.partition(":")[0] for text in found] == [
        "Verified rewards fall",
        "One conclusion takes over in each group",
        "One conclusion takes over across queries",
        "Completions grow from 30 to 60 tokens, verified rewards do not.",
    ]
    # Verdicts of the memory's choice are no random part: all rewards are compared instead.
    assert chosen[0].startswith("Rewards fall")


def test_a_run_that_learns_or_is_short(memory: MemoryUnderTest) -> None:
    memory.add(collapsing(reward_at_end=1.0))
    memory.add(
        [rollout for rollout in collapsing(reward_at_end=0.0) if rollout.step > 8], run="two"
    )
    with open_view(memory.stores, memory.name) as view:
        assert alarms(view, "run-1", RunCalls()) == []
        assert signs_of_ends(view, "two", trainer.ends) == []
        assert alarms(view, "two", RunCalls()) == []


@pytest.mark.parametrize(("audited", "agreed", "n"), [(100, 94, 1), (100, 96, 0), (19, 0, 0)])
def test_an_audit_that_disagrees(audited: int, agreed: int, n: int) -> None:
    found = list(audit_alarms(RunCalls(audited=audited, agreed=agreed)))
    assert [f"Only {agreed} of {audited}" in text for text in found] == [True] * n
