"""A run that collapses stops, or is warned of, and remembers its steps when it resumes."""

import logging
import math
from pathlib import Path

import pytest
from support.fake_scorer import FakeScorer
from support.trl_calls import Calls, last_digit, says_gold

from schema.errors import RewardError
from trainer.rewards.alarm import OnAlarm
from trainer.rewards.collapse import CollapseWatch
from trainer.rewards.from_memory import memory_reward
from trainer.rewards.journal import Journal

#: A step of eight queries, of which the first is labelled; half of the answers are right.
GOOD = [(f"q{n}", answer) for n in range(8) for answer in ("1", "2", "3", "2")]
#: All say the same, and it is wrong.
BAD = [(f"q{n}", "1") for n in range(8) for _ in range(4)]


def run(path: Path, on_alarm: OnAlarm, steps: range) -> Calls:
    """Ten good steps, then bad ones."""
    call = Calls(
        memory_reward(
            FakeScorer(last_digit),
            verify=says_gold,
            labelled={"q0"},
            journal=path,
            on_alarm=on_alarm,
        )
    )
    for step in steps:
        call(GOOD if step < 10 else BAD, step)
    return call


def test_signs_of_a_step(tmp_path: Path) -> None:
    call = run(tmp_path / "journal.jsonl", OnAlarm.STOP, range(1))
    assert call.metrics["memreward/in_groups"] == [0.5]
    assert call.metrics["memreward/everywhere"] == [0.5]
    assert call.metrics["memreward/entropy"] == [pytest.approx(1.5 * math.log(2))]
    noted = CollapseWatch(Journal(tmp_path / "journal.jsonl"), OnAlarm.STOP, chosen=False).steps
    assert [(step.queries, step.tokens, step.verified) for step in noted] == [(8, 3.0, 0.5)]


def test_a_run_that_collapses_is_stopped_again_when_it_resumes(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    run(journal, OnAlarm.STOP, range(19))
    with pytest.raises(RewardError, match=r"step 19: verified rewards fall: from 0.50 to 0.00;"):
        run(journal, OnAlarm.STOP, range(15, 20))  # from a checkpoint, so that steps repeat
    assert len(CollapseWatch(Journal(journal), OnAlarm.STOP, chosen=False).steps) == 20
    with pytest.raises(RewardError, match="--on-alarm warn"):
        run(journal, OnAlarm.STOP, range(15, 21))


def test_a_warned_run_continues_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="memreward"):
        run(tmp_path / "journal.jsonl", OnAlarm.WARN, range(25))
    told = [r.getMessage() for r in caplog.records if "takes over" in r.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("step 19: verified rewards fall")
