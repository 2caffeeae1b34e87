"""What runs brought, counted by hand."""

from dataclasses import replace

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.browse.brief_read import open_view
from memstore.browse.run_progress import RunCalls, run_lines, run_steps
from memstore.browse.verified_totals import all_totals
from memstore.changes.rollout_writer import RolloutWriter
from memstore.encoders.default import Encoder
from schema.reward import VerifiedSums


def test_a_line_for_each_policy_of_a_run(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3))  # Each query: 2 of 4 are right.
    other = [make_rollout(1, 9, policy="other", reward=None, step=7)]
    memory.add(other, run="run-2")
    with open_view(memory.stores, memory.name) as view:
        second, first = run_lines(view, all_totals(view))
        assert run_lines(view, all_totals(view), "run-2") == [second]
        assert run_lines(view, None, "run-3") == []
        before = replace(view, seq=1)
        early = run_lines(before, all_totals(before))
    assert (first.run, first.policy, first.n_rollouts) == ("run-1", "tiny", 12)
    assert (first.first_step, first.last_step, first.tokens) == (0, 0, 21.5)
    assert first.verified == VerifiedSums(queries=3, n=12, s=6, s_s=12, s_n=24, n_n=48)
    assert (second.run, second.policy, second.last_step) == ("run-2", "other", 7)
    assert second.verified == VerifiedSums()
    assert [line.run for line in early] == ["run-1"]


def test_calls_that_were_saved_and_audited(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2))
    writer = RolloutWriter(memory.stores, memory.name, "run-2", Encoder(), reuse=True)
    # The same conclusion as a verified one: one is taken over, one is verified all the same.
    writer.add([make_rollout(1, 5, reward=None), make_rollout(1, 7, reward=0.0)])
    with open_view(memory.stores, memory.name) as view:
        calls = {line.run: line.calls for line in run_lines(view, all_totals(view))}
    assert calls["run-1"] == RunCalls(made=8)
    assert calls["run-2"].made == 1 and calls["run-2"].saved == 1
    assert (calls["run-2"].audited, calls["run-2"].agreed) == (1, 0)


def test_a_run_step_by_step(memory: MemoryUnderTest) -> None:
    rollouts = [
        make_rollout(question, place, step=step, reward=None if step else float(place % 2))
        for question in (1, 2)
        for step in (0, 1)
        for place in range(4)
    ]
    memory.add(rollouts)
    with open_view(memory.stores, memory.name) as view:
        found = run_steps(view, "run-1")
    assert [(item.step, item.n, item.mean) for item in found.tokens] == [(0, 8, 21.5), (1, 8, 21.5)]
    assert [(item.step, item.n, item.mean) for item in found.verified] == [(0, 8, 0.5)]
    assert [item.mean for item in found.share] == pytest.approx([0.5, 0.5])
