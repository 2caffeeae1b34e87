"""Ids are the same for the same content and place, in every process, and differ otherwise."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InputError
from schema.ids import (
    checked_name,
    conclusion_id,
    content_hash,
    digest,
    is_prefix,
    query_id,
    rollout_id,
    short_length,
    text_fraction,
    the_one,
)

TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_digests_agree_only_for_the_same_parts(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a", "") != digest("a")


def test_ids_do_not_depend_on_the_process() -> None:
    code = "from schema.ids import query_id; print(query_id('main', 'What is 2 + 2?'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == query_id("main", "What is 2 + 2?")


def test_ids_are_pinned() -> None:
    """A change of these values orphans every stored memory."""
    assert query_id("main", "What is 2 + 2?") == "c648c95ee5f100b469ff8cc2b8485d90"
    assert rollout_id("main", "run-1", "sums-1", 3, 7) == "d48c93376fc622c1e47778b3ed9d1ee0"
    assert conclusion_id("main", "abc", "number:4") == "d3ffcd1c743208c712516b7319d30f6f"


def test_a_rollout_id_depends_on_each_part_of_its_place() -> None:
    places = [
        ("main", "run", "q", 0, 1),
        ("other", "run", "q", 0, 1),
        ("main", "run2", "q", 0, 1),
        ("main", "run", "q2", 0, 1),
        ("main", "run", "q", 1, 1),
        ("main", "run", "q", 1, 0),
        ("main", "run", "q", 0, 2),
    ]
    assert len({rollout_id(*place) for place in places}) == len(places)


def test_kinds_of_ids_do_not_collide() -> None:
    assert len({query_id("a", "b"), digest("a", "b"), content_hash("a", "b", "")}) == 3


@given(TEXT)
def test_a_fraction_lies_in_the_half_open_unit_interval(text: str) -> None:
    assert 0.0 <= text_fraction(text, "salt") < 1.0


def test_fractions_are_spread_evenly_and_differ_by_salt() -> None:
    texts = [f"question {number}" for number in range(4000)]
    below = [text for text in texts if text_fraction(text, "a") < 0.3]
    assert 0.27 < len(below) / len(texts) < 0.33
    both = [text for text in below if text_fraction(text, "b") < 0.3]
    assert 0.24 < len(both) / len(below) < 0.36


@pytest.mark.parametrize("name", ["a", "main", "Run_1.2-x", "0", "a" * 63])
def test_good_names_pass(name: str) -> None:
    assert checked_name(name, "memory") == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "é", "a\n", "a\x00", "a" * 64])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a memory"):
        checked_name(name, "memory")


def test_short_ids_tell_all_apart() -> None:
    assert short_length([]) == short_length(["a" * 32]) == 8
    assert short_length(["a" * 32, "a" * 9 + "b" * 23, "c" * 32]) == 10
    assert short_length(["a" * 32, "a" * 32]) == 8


def test_the_beginning_of_an_id_means_one_rollout_or_is_refused() -> None:
    assert is_prefix("0123abcd") and is_prefix("0" * 31)
    assert not any(map(is_prefix, ("0123abc", "0" * 32, "0123ABCD", "sum-1234567")))
    ids = ["0" * 10 + str(last) * 22 for last in range(1, 8)]
    assert the_one("0" * 10, ids[:1], "m") == ids[0]
    with pytest.raises(InputError, match="memory 'm' has no rollout '00000000'"):
        the_one("0" * 8, [], "m")
    with pytest.raises(
        InputError, match=r"of 7 rollouts of memory 'm' \(00000000001, .*, \.\.\.\)"
    ):
        the_one("0" * 8, ids, "m")
