"""Alarms on series of steps."""

from typing import Any

import pytest

from trainer.collapse import Alarm, AlarmKind, StepSigns, alarms, ends


def steps(count: int, queries: int = 8, **last: Any) -> list[StepSigns]:
    """A run of steps that go straight from one look to another; slightly uneven, as runs are."""
    begin = {"tokens": 100.0, "in_groups": 0.5, "everywhere": 0.2, "reward": 0.4, "verified": 0.4}
    made = []
    for step in range(count):
        part, uneven = step / (count - 1), 0.01 * (step % 3)
        values = {
            name: None
            if last.get(name, value) is None
            else value + part * (last.get(name, value) - value) + uneven
            for name, value in begin.items()
        }
        made.append(StepSigns(step=step, queries=queries, **values))  # pyright: ignore
    return made


def kinds(found: list[Alarm]) -> list[AlarmKind]:
    return [alarm.kind for alarm in found]


def test_a_run_that_learns_has_no_alarm() -> None:
    assert alarms(steps(60, in_groups=1.0, verified=0.95, reward=0.95, tokens=300.0)) == []
    assert alarms(steps(60)) == []


@pytest.mark.parametrize(
    ("last", "kind", "words"),
    [
        ({"verified": 0.0, "reward": 1.0}, AlarmKind.REWARD, "verified rewards fall: from 0.38"),
        ({"verified": None, "reward": 0.0}, AlarmKind.REWARD, "rewards fall: from 0.38"),
        ({"in_groups": 1.0}, AlarmKind.IN_GROUPS, "over in each group: its share rose from 55%"),
        ({"everywhere": 0.8}, AlarmKind.EVERYWHERE, "over across queries: its share rose from"),
        ({"tokens": 300.0}, AlarmKind.LENGTH, "grow from 115 to 285 tokens"),
    ],
)
def test_each_sign_of_collapse(last: dict[str, Any], kind: AlarmKind, words: str) -> None:
    found = alarms(steps(60, **last))
    assert kinds(found) == [kind]
    assert words in found[0].text


def test_the_ends_must_be_long_enough_and_apart() -> None:
    assert alarms(steps(19, verified=0.0)) == []
    assert alarms(steps(60, queries=1, verified=0.0)) == []  # 80 queries at each end: 160 steps
    assert kinds(alarms(steps(160, queries=1, verified=0.0))) == [AlarmKind.REWARD]


def test_a_conclusion_that_takes_over_is_no_alarm_where_it_is_right() -> None:
    assert alarms(steps(60, everywhere=0.9, in_groups=1.0, verified=0.9, reward=0.9)) == []
    # A policy that learns, and becomes surer than it is right: half of the rise is enough.
    assert alarms(steps(60, in_groups=1.0, verified=0.67)) == []
    assert kinds(alarms(steps(60, in_groups=1.0, verified=0.55))) == [AlarmKind.IN_GROUPS]


def test_without_any_reward_nothing_can_be_told() -> None:
    assert alarms(steps(60, verified=None, reward=None, in_groups=1.0, tokens=900.0)) == []


def test_the_ends_are_all_that_matters() -> None:
    run = steps(60, in_groups=1.0, verified=0.0, reward=0.0, tokens=300.0)
    first, last = ends([step.queries for step in run])
    assert (first, last) == (10, 10)
    assert alarms([*run[:first], *run[-last:]]) == alarms(run) != []
    assert ends([8] * 19) == ends([1] * 100) == ends([]) == (0, 0)
    assert ends([1] * 80 + [80] * 10) == (80, 10)
