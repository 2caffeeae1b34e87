"""A run verifies no more than its budget of calls, and only what its memory plans."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.fake_scorer import FakePlanner, FakeScorer
from support.trl_calls import Calls, last_digit, says_gold

from schema.errors import InputError, RewardError
from schema.score import ScoreSource
from trainer.rewards.assign import Late
from trainer.rewards.from_memory import memory_reward
from trainer.rewards.journal import Journal

GROUP = [("a", "1"), ("a", "1"), ("a", "9"), ("a", "3")]


def test_the_verifier_is_called_once_for_what_is_planned_and_the_rest_takes_it_over() -> None:
    asked: list[Any] = []

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        asked.append(list(completions))
        return says_gold(prompts, completions, completion_ids, **columns)

    planner = FakePlanner(last_digit)
    call = Calls(memory_reward(planner, verify=verify, calls=0.25))
    assert call(GROUP) == [0.0, 0.0, 0.9, 0.3]
    assert asked == [["1"]]
    assert all(rollout.reward is None for rollout in planner.seen)
    assert call.metrics["memreward/calls"] == [1]
    assert call.metrics["memreward/calls_saved"] == [1]


def test_what_a_step_leaves_of_a_share_is_for_later_ones() -> None:
    planner = FakePlanner(last_digit)
    call = Calls(memory_reward(planner, verify=says_gold, calls=0.3))
    for step in range(10):
        call(GROUP, step)
    assert sum(planner.budgets) == int(0.3 * 40)
    assert max(planner.budgets) == 2  # a step allows 1.2


def test_calls_per_step_are_no_more_than_that(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    planner = FakePlanner(last_digit)
    call = Calls(memory_reward(planner, verify=says_gold, calls_per_step=3, journal=journal))
    call(GROUP)
    call([("b", "1"), ("b", "2")])  # the same step: nothing is left
    call(GROUP, 1)
    assert planner.budgets == [3, 3]


def test_a_killed_run_resumes_with_what_is_left(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"

    def killed(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Calls(
            memory_reward(FakePlanner(last_digit), verify=killed, calls_per_step=3, journal=journal)
        )(GROUP)
    resumed = FakePlanner(last_digit)
    again = Calls(memory_reward(resumed, verify=says_gold, calls_per_step=3, journal=journal))
    again(GROUP)
    again(GROUP, 1)
    assert resumed.budgets == [3]
    kept = Journal(journal)
    assert kept.count(ScoreSource.VERIFIED) == 3


def test_a_step_is_synced_twice_before_its_calls_and_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = tmp_path / "journal.jsonl"
    synced: list[list[str]] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(kinds()))

    def kinds() -> list[str]:
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        return [kind for line in lines for kind in line if kind != "step"]

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        assert synced == [["placed", "calls"]]
        return says_gold(prompts, completions, completion_ids, **columns)

    Calls(memory_reward(FakePlanner(last_digit), verify=verify, calls=0.25, journal=journal))(GROUP)
    assert synced == [["placed", "calls"], ["placed", "calls", "scored", "signs"]]


def test_a_planner_that_spends_too_much_is_a_fault() -> None:
    planner = FakePlanner(last_digit)
    planner.plan_calls = lambda rollouts, budget: [0, 0]
    with pytest.raises(RewardError, match="planned 2 calls"):
        Calls(memory_reward(planner, verify=says_gold, calls_per_step=3))(GROUP)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"calls": 0.2, "labelled": {"a"}}, "both calls and queries"),
        ({"calls": 0.2, "calls_per_step": 3}, "budgeted twice"),
        ({"calls": 0.0}, "above 0 and at most 1"),
        ({"calls": 20.0}, "above 0 and at most 1"),
        ({"calls_per_step": 0}, "at least 1"),
        ({"calls": 0.2, "late": "later"}, "late='later': give one of mask, propagate"),
        ({"on_alarm": "ring"}, "on_alarm='ring': give one of stop, warn"),
    ],
)
def test_budgets_that_make_no_sense(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        memory_reward(FakePlanner(last_digit), verify=says_gold, **options)


def test_a_scorer_that_plans_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="plans no calls"):
        memory_reward(FakeScorer(last_digit), verify=says_gold, calls=0.2)


@pytest.mark.parametrize(
    ("late", "expected"), [(Late.MASK, None), ("mask", None), ("propagate", 0.1)]
)
def test_until_a_slow_verifier_answers(late: Any, expected: float | None) -> None:
    def slow(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        return [None] * len(completions)

    planner = FakePlanner(last_digit)
    call = Calls(memory_reward(planner, verify=slow, calls_per_step=1, late=late))
    assert call(GROUP) == [expected, 0.1, 0.9, 0.3]
    with pytest.raises(RewardError, match="could not be verified"):
        Calls(memory_reward(FakePlanner(last_digit), verify=slow, calls_per_step=1))(GROUP)
