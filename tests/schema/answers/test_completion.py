"""A completion in one piece is split where its writer meant the answer to begin."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.answers.completion import split_completion

CASES = [
    ("<think>2 + 2 is 4</think>\nThe sum is 4.", "2 + 2 is 4", "The sum is 4."),
    ("<think>2 + 2 is 4</think>", "2 + 2 is 4", ""),
    ("<think>2 + 2 is", "2 + 2 is", ""),
    ("2 + 2 is 4</think> 4", "2 + 2 is 4", "4"),
    ("2 + 2 = 4.\n#### 4", "2 + 2 = 4.", "4"),
    ("2 + 2 = 4 #### 4\n", "2 + 2 = 4", "4"),
    ("#### 4", "", "4"),
    ("#### Step 1\nAdd.\n\n4", "#### Step 1\nAdd.", "4"),
    ("##### 4", "", "##### 4"),
    ("Adding gives \\(\\boxed{4}\\).", "Adding gives", "\\(\\boxed{4}\\)."),
    ("First \\boxed{3}, no:\n$$\n\\boxed{4}\n$$", "First \\boxed{3}, no:", "$$\n\\boxed{4}\n$$"),
    ("So \\boxed{3} early.\n" + "\n".join("abcdefg"), None, "g"),
    ("Add them.\nThe answer is 4.", "Add them.\nThe", "4."),
    ("Add them.\n\n**Final answer:** 4", "Add them.\n\n**", "4"),
    ("Add them.\nFinal answer is: 4", "Add them.", "4"),
    ("The answer is wrong at first.\n\nAdd them:\n4", None, "4"),
    ("Like this:\n```python\nx = 1\n```", "Like this:", "```python\nx = 1\n```"),
    ("One line", "", "One line"),
    ("Two\nlines\n", "Two", "lines"),
    ("", "", ""),
    (" \n ", "", ""),
]


@pytest.mark.parametrize(("text", "thinking", "answer"), CASES, ids=range(len(CASES)))
def test_completions_are_split(text: str, thinking: str | None, answer: str) -> None:
    got_thinking, got_answer = split_completion(text)
    assert got_answer == answer
    if thinking is not None:
        assert got_thinking == thinking


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "####", "\\boxed{1}", "answer is", "```", "\n"])
        | st.text(max_size=8),
        max_size=12,
    )
)
def test_nothing_but_markers_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    thinking, answer = split_completion(text)
    assert thinking == thinking.strip()
    assert answer == answer.strip()
    assert thinking in text
    assert answer in text
    markers = ("<think>", "</think>", "####")
    if not any(marker in text for marker in markers) and text.strip():
        assert thinking or answer


@pytest.mark.parametrize("piece", [" ", "#", "####", "\\boxed", "answer is ", "*", "```", "\n"])
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = "a" + piece * (size // len(piece)) + "b"
        start = time.thread_time()
        split_completion(text)
        return time.thread_time() - start

    base = max(seconds(50_000), 1e-3)
    assert min(seconds(800_000) for _ in range(3)) < 100 * base
