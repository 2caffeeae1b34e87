"""Numbers for trainers that mask nothing: what is no opinion must move no advantage."""

import numpy as np
import pytest

from memreward.adapters.neutral import group_numbers, numbers
from memreward.scoring.sendable import says_something
from schema.score import Score, ScoreSource


def said(value: float | None) -> Score:
    source = ScoreSource.NONE if value is None else ScoreSource.PROPAGATED
    return Score(rollout_id="r", value=value, confidence=0.0, source=source)


def test_single_scores() -> None:
    assert numbers([said(0.0), said(None), None, said(1.0)]) == [0.0, 0.5, 0.0, 1.0]
    assert numbers([said(None)], 0.2) == [0.2]


def test_no_opinion_has_no_advantage_in_its_group() -> None:
    values = group_numbers([said(0.1), said(None), said(0.8), said(0.9)], ["q"] * 4)
    advantages = np.array(values) - np.mean(values)
    assert advantages[1] == pytest.approx(0)
    alone = np.array([0.1, 0.8, 0.9]) - 0.6
    assert advantages[[0, 2, 3]] == pytest.approx(alone)


def test_groups_that_hardly_differ_count_as_silent() -> None:
    scores = [said(v) for v in (0.49, 0.5, 0.51)]
    assert group_numbers([*scores, said(0.1), said(0.7)], ["a"] * 3 + ["b"] * 2) == [
        0.5,
        0.5,
        0.5,
        0.1,
        0.7,
    ]
    assert group_numbers([said(None), None], ["a", "a"]) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("completion", "thinking", "says"),
    [
        ("four", None, True),
        ("<think>Hm", None, True),
        ("", None, False),
        ("<think></think>", None, False),
        ("", "Hm.", True),
        (" ", " ", False),
        ("fo\0ur", None, False),
        ("four", "\ud800", False),
        ("x" * (1 << 20), "", True),
        ("x" * ((1 << 20) + 1), "", False),
    ],
)
def test_what_a_memory_can_hold(completion: str, thinking: str | None, says: bool) -> None:
    assert says_something(completion, thinking) is says
