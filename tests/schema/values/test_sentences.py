"""What is a sentence, and what may be a value: no value is ever taken for a sentence."""

import pytest

from schema.values import asked_of, value_of
from schema.values.sentences import is_plain_prose, is_prose

SENTENCES = [
    "So Jane has 45 coins left.",
    "Therefore, the boat needs 3 hours to cross, since the river is slow",
    "Using the rule for products, we get",
    r"Step 3: the value of $x = 4$ is too small",
    "Alice, Bob's sister, had 3 apples and 2 pears.",
]
VALUES = [
    ("So, total 42", "value:42"),
    ("about twenty five", "value:25"),
    ("Total cost = 5", "value:5"),
    ("the length of the side x = 5", "value:5"),
    ("Paris, London and Rome", "list:text:paris|text:london|text:rome"),
    ("Thus infinity", "value:∞"),
]


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_is_no_value(text: str) -> None:
    assert is_prose(text)
    assert value_of(text, asked_of("")) is None


@pytest.mark.parametrize(("text", "key"), VALUES)
def test_what_may_be_a_value_is_read(text: str, key: str) -> None:
    assert not is_prose(text) and not is_plain_prose(text)
    assert value_of(text, asked_of("")) == key


def test_a_name_of_a_number_ends_at_its_sign() -> None:
    assert not is_plain_prose("The length of x = 5")
    assert is_plain_prose("The length of x, which is short = 5")
