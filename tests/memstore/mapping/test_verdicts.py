"""Rewards become numbers in [0, 1], or it is said which option makes them so."""

import math
from typing import Any

import pytest

from memstore.mapping.options import ShapeOptions
from memstore.mapping.verdicts import RewardReading, parse_range
from schema.errors import InputError


@pytest.mark.parametrize(
    ("value", "reward"),
    [
        (0.5, 0.5),
        (1, 1),
        (True, 1.0),
        ("Correct", 1.0),
        (" incorrect ", 0.0),
        ("I", 0.0),
        ("P", 0.5),
        ("PASS", 1.0),
        ([1.0], 1.0),
    ],
)
def test_numbers_and_verdicts(value: Any, reward: float) -> None:
    assert RewardReading().of(value) == reward


def test_numbers_as_texts_are_read_from_other_tools_only() -> None:
    assert RewardReading(number_texts=True).of("0.25") == 0.25
    assert RewardReading().of("0.25") == "0.25"  # For the validator to refuse.


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2, "--reward-range"),
        (-1, "--reward-range"),
        (math.inf, "--reward-range"),
        ("3", "--reward-threshold"),
        (math.nan, "--nan-missing"),
        ("maybe", "correct or incorrect"),
    ],
)
def test_what_is_out_of_range_says_what_to_do(value: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        RewardReading(number_texts=True).of(value)


def test_a_range_a_threshold_and_a_missing_value() -> None:
    reading = ShapeOptions(reward_range="-1:1", nan_missing=True).reward()
    assert [reading.of(value) for value in (-1, 0, 0.5, 1, math.nan, True)] == [
        0.0,
        0.5,
        0.75,
        1.0,
        None,
        1.0,
    ]
    with pytest.raises(InputError, match="outside --reward-range -1:1"):
        reading.of(1.5)
    reading = ShapeOptions(reward_threshold=0.5).reward()
    assert [reading.of(value) for value in (0.5, 0.49, 7, -3)] == [1.0, 0.0, 1.0, 0.0]
    with pytest.raises(InputError, match="one of them"):
        ShapeOptions(reward_threshold=0.5, reward_range="0:2").reward()


@pytest.mark.parametrize("text", ["1", "1:0", "0:0", "a:b", "0:inf", ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="two numbers"):
        parse_range(text)


def test_rewards_a_token_are_added_where_a_format_has_them() -> None:
    assert RewardReading(summed=True).of([0.0, 0.0, 1.0]) == 1.0
    assert RewardReading().of([0.0, 1.0]) == [0.0, 1.0]  # For the validator to refuse.
