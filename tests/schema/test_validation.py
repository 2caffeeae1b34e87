"""The validator refuses what one of the two stores could not hold, and says which field it is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InputError
from schema.rollout import Rollout
from schema.validation import (
    MAX_INTEGER,
    MAX_NAME_BYTES,
    MAX_POLICY_DIMENSION,
    MAX_TEXT_BYTES,
    check_rollout,
    check_text,
)

DIMENSION = 4
SIGNALS = (-0.2, -3.0, 0.3, 2.0, -0.1, 0.05)


def vector(*values: float) -> np.ndarray:
    return np.array(values or (0.5, 0.5, 0.5, 0.5), dtype=np.float32)


def rollout(**changes: Any) -> Rollout:
    fields: dict[str, Any] = {
        "query": "What is 2 + 2?",
        "thinking": "Two and two make four.",
        "answer": "4",
        "source_query_id": "sums-1",
        "place": 0,
        "policy": "small",
        "reward": 1.0,
        "completion_tokens": 12,
        "truncated": False,
        "policy_signals": SIGNALS,
        "policy_embedding": vector(1.0, 2.0, 3.0),
        "policy_layer": "16",
        "encoder": "tiny",
        "query_embedding": vector(),
        "thinking_embedding": vector(),
        "answer_embedding": vector(),
    }
    return Rollout(**(fields | changes))


GOOD: list[dict[str, Any]] = [
    {},
    {"thinking": ""},
    {"answer": ""},
    {"reward": None},
    {"reward": 0},
    {"reward": np.float32(0.25)},
    {"completion_tokens": None, "truncated": None},
    {"policy_signals": None, "policy_embedding": None, "policy_layer": None, "policy": None},
    {"query": "q" * MAX_TEXT_BYTES},
    {"source_query_id": "é" * (MAX_NAME_BYTES // 2)},
    {"place": MAX_INTEGER, "step": MAX_INTEGER},
    {"policy_embedding": np.ones(MAX_POLICY_DIMENSION, dtype=np.float32)},
    {
        "encoder": None,
        "query_embedding": None,
        "thinking_embedding": None,
        "answer_embedding": None,
    },
]

BAD: list[tuple[str, Any, str]] = [
    ("query", "", "is empty"),
    ("query", " \n\t", "is empty"),
    ("query", None, "give text"),
    ("query", 7, "give text"),
    ("query", b"\xff", "not UTF-8"),
    ("query", "a\x00b", "NUL at character 1"),
    ("query", "ab\ud800", "surrogate pair at character 2"),
    ("query", "q" * (MAX_TEXT_BYTES + 1), "shorten it"),
    ("query", "x" * 20_000_000, "20,000,000 bytes"),
    ("thinking", None, "give text"),
    ("thinking", "\x00", "NUL"),
    ("thinking", "é" * (MAX_TEXT_BYTES // 2 + 1), "shorten it"),
    ("answer", ["4"], "give text"),
    ("answer", "\udfff", "surrogate"),
    ("answer", "4" * (MAX_TEXT_BYTES + 1), "shorten it"),
    ("source_query_id", "", "is empty"),
    ("source_query_id", "i" * (MAX_NAME_BYTES + 1), "shorten it"),
    ("source_query_id", "a\x00", "NUL"),
    ("dataset", " ", "is empty"),
    ("dataset", "é" * (MAX_NAME_BYTES // 2 + 1), "shorten it"),
    ("domain", 3, "give text"),
    ("policy", "", "is empty"),
    ("policy_layer", 16, "give text"),
    ("checkpoint", "\ud800", "surrogate"),
    ("place", -1, "from 0"),
    ("place", MAX_INTEGER + 1, "from 0"),
    ("place", True, "whole number"),
    ("place", 1.5, "whole number"),
    ("step", -1, "from 0"),
    ("step", "1", "whole number"),
    ("completion_tokens", -1, "from 0"),
    ("completion_tokens", 2.5, "whole number"),
    ("truncated", "no", "true or false"),
    ("reward", float("nan"), r"finite number in \[0, 1\]"),
    ("reward", float("inf"), r"finite number in \[0, 1\]"),
    ("reward", -float("inf"), r"finite number in \[0, 1\]"),
    ("reward", 1.0001, r"finite number in \[0, 1\]"),
    ("reward", -0.0001, r"finite number in \[0, 1\]"),
    ("reward", "1", r"finite number in \[0, 1\]"),
    ("reward", True, r"finite number in \[0, 1\]"),
    ("reward", 10**400, r"finite number in \[0, 1\]"),
    ("policy_signals", SIGNALS[:5], "log-probability statistics"),
    ("policy_signals", (float("nan"), *SIGNALS[1:]), "`logprob_mean` is nan"),
    ("policy_signals", (*SIGNALS[:5], float("inf")), "`logprob_low_share` is inf"),
    ("policy_signals", (None, *SIGNALS[1:]), "`logprob_mean` is None"),
    ("policy_signals", (10**400, *SIGNALS[1:]), "`logprob_mean`"),
    ("policy_embedding", vector(0.0, 0.0), "no usable cosine"),
    ("policy_embedding", np.zeros(0, dtype=np.float32), "no usable cosine"),
    ("policy_embedding", vector(float("nan"), 1.0), "NaN or infinity"),
    ("policy_embedding", np.ones((2, 2), dtype=np.float32), "list of numbers"),
    ("policy_embedding", np.ones(MAX_POLICY_DIMENSION + 1, dtype=np.float32), "reduce it"),
    ("query_embedding", None, "all three"),
    ("answer_embedding", None, "all three"),
    ("query_embedding", vector(1.0, 0.0, 0.0), "3 numbers, 4 are expected"),
    ("thinking_embedding", vector(1.0, 0.0, 0.0, 0.0, 0.0), "5 numbers, 4 are expected"),
    ("answer_embedding", vector(0.0, 0.0, 0.0, 0.0), "no usable cosine"),
    ("answer_embedding", vector(1e-20, 0.0, 0.0, 0.0), "no usable cosine"),
    ("answer_embedding", vector(1e30, 1e30, 0.0, 0.0), "no usable cosine"),
    ("query_embedding", vector(1.0, float("inf"), 0.0, 0.0), "NaN or infinity"),
    ("query_embedding", np.ones(4), "list of numbers"),
    ("query_embedding", [1.0, 0.0, 0.0, 0.0], "list of numbers"),
    ("encoder", None, "`encoder`"),
    ("encoder", "", "is empty"),
]


@pytest.mark.parametrize("changes", GOOD, ids=range(len(GOOD)))
def test_good_rollouts_pass(changes: dict[str, Any]) -> None:
    check_rollout(rollout(**changes), DIMENSION)


@pytest.mark.parametrize(("field", "value", "reason"), BAD, ids=range(len(BAD)))
def test_bad_rollouts_are_refused_with_a_reason(field: str, value: Any, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        check_rollout(rollout(**{field: value}), DIMENSION)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 400, "the message must not repeat a huge value"


def test_a_rollout_of_no_text_is_refused() -> None:
    with pytest.raises(InputError, match=r"`answer` is empty and so is `thinking`"):
        check_rollout(rollout(thinking=" ", answer=""), DIMENSION)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00")))
def test_any_valid_text_passes(text: str) -> None:
    check_text(text, "query")


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["\x00", "\ud800", "\udfff"]))
def test_no_text_with_a_forbidden_character_passes(before: str, after: str, bad: str) -> None:
    with pytest.raises(InputError):
        check_text(before + bad + after, "query")


@given(st.floats() | st.integers())
def test_a_reward_passes_only_within_its_range(value: float) -> None:
    if 0 <= value <= 1:
        check_rollout(rollout(reward=value), DIMENSION)
    else:
        with pytest.raises(InputError, match="`reward`"):
            check_rollout(rollout(reward=value), DIMENSION)
