"""Answers that say the same get the same key; no text makes the keys fail."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.answers.conclusion import conclusion_key
from schema.values.spans import last_boxed

OPTIONS = "Which is a carnivore?\nA. a cow\nB. a caterpillar\nC. a vegan\nD. a shark"
CODE_QUERY = "Write a python function to add.\nIt must pass, for example: assert add(1, 2) == 3"


def key(answer: str, *, query: str = "How many?", thinking: str = "", domain: str = "math"):
    return conclusion_key(query, thinking, answer, domain)


@pytest.mark.parametrize(
    "same",
    [
        ["1,234", "1234.0", "$1234", "\\boxed{1234}", "\\(\\boxed{1{,}234}\\) dollars.", "1234."],
        ["The answer is 18 seconds.", "\\boxed{18}\\) seconds", "6 * 3 = 18 seconds", "#### 18"],
        ["\\boxed{\\frac{1}{2}}", "0.5", "\\dfrac{1}{2}", "1/2", "\\boxed{\\dfrac12}"],
        ["50%", "\\boxed{50\\%}", "50 percent", "They are green 50% of the time."],
        ["\\boxed{x^2 + 1}", "\\boxed{x^{2}+1}", "y = \\left x^2 \\, + 1 \\right."],
        ["x = 12 + 5 = 17", "\\boxed{17}", "So, she grew 17 trees.", "seventeen"],
        ["['a', 'b', 'c']", "[a, b, c]", '["a","b","c"]', "a, b, c"],
        ["03:20:10", "So, the meeting lasted for 03:20:10."],
        ["-5", "\u22125", "\\boxed{-5}"],
        ["1.2 \\times 10^3", "1200"],
    ],
)  # fmt: skip
def test_values_that_say_the_same(same: list[str]) -> None:
    assert {key(answer) for answer in same} == {key(same[0])} != {None}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("18", "81"),
        ("-5", "5"),
        ("0.5", "0.05"),
        ("\\boxed{x+1}", "\\boxed{x-1}"),
        ("[a, b]", "[b, a]"),
        ("03:20:10", "03:20:11"),
        ("99999999999999999999", "99999999999999999998"),
    ],
)
def test_values_that_differ(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    "answer",
    [
        "D",
        "D.",
        "(D) a shark",
        "The correct answer is D. a shark.",
        "The answer is \\boxed{D}.",
        "A shark.",
        "Therefore, the correct option is indeed D.",
    ],
)
def test_options_by_letter_or_by_words(answer: str) -> None:
    assert key(answer, query=OPTIONS, domain="general") == "option:D"


def test_an_option_that_nobody_named_is_none() -> None:
    assert key("Fish are animals.", query=OPTIONS) is None


def test_an_option_before_an_explanation_is_chosen() -> None:
    thinking = "Sharks eat meat.\nD. a shark"
    assert key("Cows do not.", query=OPTIONS, thinking=thinking) == "option:D"
    assert key("", query=OPTIONS, thinking="Sharks eat meat.\nThe answer is D") is None
    assert key("", thinking="So \\boxed{41}, or") is None


def test_programs_are_the_same_up_to_names_layout_and_docstrings() -> None:
    one = '```python\ndef add(a, b):\n    """Add."""\n    # sum\n    return a + b\n```'
    other = "Here it is:\n```python\ndef add(first, second):\n    return (first +\n  second)\n```"
    wrong = "```python\ndef add(a, b):\n    return a - b\n```"
    assert key(one, query=CODE_QUERY, domain="code") == key(other, query=CODE_QUERY, domain="any")
    assert key(one, query=CODE_QUERY) != key(wrong, query=CODE_QUERY)
    assert str(key(one, query=CODE_QUERY)).startswith("code:")


@pytest.mark.parametrize("answer", ["```python\ndef add(a, b:\n```", "```python\n```", "no code"])
def test_code_that_does_not_parse_has_no_key(answer: str) -> None:
    assert key(answer, query=CODE_QUERY, domain="code") is None


@pytest.mark.parametrize("answer", ["", "   ", "\\boxed{2", "\\boxed{", "$$"])
def test_unfinished_or_empty_answers_have_no_key(answer: str) -> None:
    assert key(answer) is None


def test_the_last_box_counts() -> None:
    assert last_boxed("\\boxed{1} then \\boxed{\\frac{1}{2}}") == ("\\frac{1}{2}", False)
    assert last_boxed("\\boxed{1} then \\boxed{2") == (None, True)
    assert last_boxed("none") == (None, False)


PIECES = st.sampled_from(
    ["\\boxed{", "}", "{", "\\frac", "1,234", "=", "A. ", "\n", "```python\n", "```", "def f(x):\n",
     "    return x", "the answer is ", "[", "]", ",", "'", "10^", "-", "/0", "12:30", "\\text{",
     "\x00", "\ud800", "²", "٣", "assert f(1) == 2", "(", ")", "*" * 50, "9" * 60]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES | st.text(max_size=5)).map("".join))


@settings(max_examples=200)
@given(query=TEXTS, thinking=TEXTS, answer=TEXTS, domain=st.sampled_from(["math", "qa", "code"]))
def test_no_text_makes_it_fail(query: str, thinking: str, answer: str, domain: str) -> None:
    found = conclusion_key(query, thinking, answer, domain)
    assert found == conclusion_key(query, thinking, answer, domain)
    assert found is None or ":" in found


@pytest.mark.parametrize(
    "piece",
    [
        "1 + ",
        "\\frac{1}{",
        "A. x ",
        "(",
        "=",
        "1,",
        "'a",
        "[",
        "\\text{",
        "def f():\n ",
        "- ",
        "-1 ",
    ],
)
def test_the_time_grows_no_faster_than_the_text(piece: str) -> None:
    """A text of 100 kB of one piece takes at most a small multiple of a short one's time."""

    def seconds(text: str) -> float:
        started = time.thread_time()
        for domain in ("math", "code"):
            conclusion_key(text, text, text, domain)
        return time.thread_time() - started

    short = max(min(seconds(piece * (5000 // len(piece))) for _ in range(3)), 1e-3)
    assert seconds(piece * (100_000 // len(piece))) < 200 * short
