"""Differences of two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.look import HOSTILE

from memreward.look.drawing.differences import MOST_WORDS, Piece, differences_of


def test_what_differs_is_marked_on_both_sides() -> None:
    left, right = differences_of("First I add 2 and 3,\nso 5.", "First I add 2 and 4, so 6.")
    assert [piece.text for piece in left if piece.differs] == ["3,\n", "5."]
    assert [piece.text for piece in right if piece.differs] == ["4, ", "6."]
    assert left[0] == Piece(text="First I add 2 and ", differs=False)


def test_spaces_are_no_difference() -> None:
    left, right = differences_of("a b\n\nc", "a  b c")
    assert not any(piece.differs for piece in (*left, *right))


@given(st.text(" \nab", max_size=60), st.text(" \nab", max_size=60))
def test_nothing_of_a_text_is_lost(left: str, right: str) -> None:
    pieces = differences_of(left, right)
    assert ["".join(piece.text for piece in side) for side in pieces] == [left, right]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a " * 100_000, "a b " * 50_000),
        ("x" * 1_000_000, "y" * 1_000_000),
        (" " * 500_000 + "a", "\n" * 500_000),
        *((text * 2_000, text * 1_999) for text in HOSTILE[:3]),
    ],
    ids=str.__len__,
)
def test_long_texts_take_no_minutes(left: str, right: str) -> None:
    pieces = differences_of(left, right)
    assert ["".join(piece.text for piece in side) for side in pieces] == [left, right]


def test_what_follows_the_first_words_is_shown_as_it_is() -> None:
    left, _ = differences_of("a " * MOST_WORDS + "b", "a " * MOST_WORDS + "c")
    assert left[-1] == Piece(text="b", differs=False)
