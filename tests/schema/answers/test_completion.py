"""A completion in one piece is split where its writer meant the answer to begin."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.answers.completion import split_completion
from schema.answers.conclusion import conclusion_key

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
    ("So \\boxed{3} early.\n" + "\n".join("abcdefg"), None, "\\boxed{3} early."),
    ("Add them.\nThe answer is 4.", "Add them.\nThe", "4."),
    ("Add them.\n\n**Final answer:** 4", "Add them.\n\n**", "4"),
    ("Add them.\nFinal answer is: 4", "Add them.", "4"),
    ("The answer is wrong at first.\n\nAdd them:\n4", None, "4"),
    ("Like this:\n```python\nx = 1\n```", "Like this:", "```python\nx = 1\n```"),
    ("One line", "", "One line"),
    ("Two\nlines\n", "Two", "lines"),
    ("<think>6 * 7</think><answer> 42 </answer>", "6 * 7", "42"),
    ("Sure. <think>maybe 41, or", "Sure. <think>maybe 41, or", ""),
    ("<think>a</think> 41? <think>b</think> 42", None, "42"),
    ("6 * 7\n#### 42\n\nIs there anything else?", "6 * 7", "42"),
    ("6 * 7\n#### 42\n\nQuestion: 1 + 1?\n#### 2", "6 * 7", "42"),
    ("So \\boxed{42}.\n\nCheck:\na\nb\nc\nd\ne\nf\nIt holds.", "So", "\\boxed{42}."),
    ("The answer is 42.\n\nLet me know if you have questions!", "The", "42."),
    ("6 * 7 = 42.\nIt is even, so the answer is correct.", None, "6 * 7 = 42."),
    ("6 * 7\n\n**Final Answer**\n\n42", None, "42"),
    ("We get\n\\[\n6 \\cdot 7 = 42\n\\]", "We get", "\\[\n6 \\cdot 7 = 42\n\\]"),
    ("The answer is 42.<|im_end|>", "The", "42."),
    ("The answer is 42</s>", "The", "42"),
    (
        "<|channel|>analysis<|message|>6 * 7<|end|>"
        "<|start|>assistant<|channel|>final<|message|>42<|return|>",
        "6 * 7",
        "42",
    ),
    ("We multiply.\n**42**", "We multiply.", "**42**"),
    ("答案是42。", "", "42。"),
    ("**Answer: C**\n\nThe others are wrong.", None, "C**"),
    ("", "", ""),
    (" \n ", "", ""),
]


@pytest.mark.parametrize(("text", "thinking", "answer"), CASES, ids=range(len(CASES)))
def test_completions_are_split(text: str, thinking: str | None, answer: str) -> None:
    said = split_completion(text)
    assert said.answer == answer
    if thinking is not None:
        assert said.thinking == thinking


GIVEN = [
    "<think>6 * 7</think> 42",
    "<think>\n\n</think>\nSo \\boxed{42}.",
    "<think>6 * 7</think><answer>42</answer>",
    "6 * 7\n#### 42",
    "So \\boxed{42}.",
    "Done.\n```python\ndef f():\n    return 42\n```",
    "The answer is 42.",
    "**Answer: C**",
    "<|channel|>final<|message|>42<|return|>",
    "We get\n\\[\n6 \\cdot 7 = 42\n\\]",
]
NOT_GIVEN = [
    "",
    "42",
    "6 * 7\n42",
    "#### Step 1\nAdd.",
    "6 * 7 = 42.\nIt is even, so the answer is correct.",
    "<think>6 * 7",
    "<think>6 * 7</think>",
    "<think>\n\n</think>\nIt is 42",
    "6 * 7 <answer></answer>",
    "<|channel|>analysis<|message|>6 * 7",
]


@pytest.mark.parametrize("text", GIVEN)
def test_a_marked_answer_is_given(text: str) -> None:
    assert split_completion(text).answer_given


@pytest.mark.parametrize("text", NOT_GIVEN)
def test_the_last_line_is_not_given(text: str) -> None:
    assert not split_completion(text).answer_given


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "####", "\\boxed{1}", "answer is", "```", "\n"])
        | st.text(max_size=8),
        max_size=12,
    )
)
def test_nothing_but_markers_is_lost(parts: list[str]) -> None:
    text = "".join(parts)
    said = split_completion(text)
    thinking, answer = said.thinking, said.answer
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


CONCLUDES = [
    "40 + 2 = 42", "40+2\n\nThe answer is 42.",
    "We add.\n\n\\boxed{42}\n\nI hope this helps! Let me know.", "#### 42\nThanks!",
    "Let me think. 40+2=42.\n\n**Answer:** 42\n\nFeel free to ask more.", "<think>hm</think>42",
    "hm, 42</think>\n\n42", "hm</think>\nThe answer is \\boxed{42}.",
    "<think>a</think><answer>42</answer>", "<reasoning>a</reasoning>\n<answer>42</answer>",
    "<thinking>40+2</thinking>\n42", "<answer>42</answer><|im_end|>", "42<|endoftext|>",
    "42<|eot_id|>", "42</s>", "<|im_start|>assistant\n42<|im_end|>", "$$40+2=42$$",
    "\\[\n\\boxed{42}\n\\]", "So:\n\n$$\n\\boxed{42}\n$$\n\nThis completes the solution.",
    "The answer is\n\n42", "**Final Answer:**\n\\boxed{42}",
    "Final Answer: The final answer is $42$. I hope it is correct.",
    "Therefore, the final answer is: $\\boxed{42}$.", "So 40 plus 2 is 42.",
    "Thus, the sum is **42**.", "Answer: 42\n\nExplanation: 40 and 2 make 42.",
    "### Solution\n40+2\n\n### Answer\n42", "First 41. No, wait.\nThe answer is 42.",
    "\\boxed{41}? No. \\boxed{42}",
    "The answer is 41. Let me check: 40 + 2 = 42. The answer is 42.", "答案：42",
    "因此，答案是 42。",
    "42\n\n", "  42  ", "`42`", "```\n42\n```", "{\"answer\": 42}",
]  # fmt: skip


@pytest.mark.parametrize("text", CONCLUDES, ids=range(len(CONCLUDES)))
def test_what_a_completion_concludes(text: str) -> None:
    said = split_completion(text)
    query = "How much is 40 + 2?"
    assert conclusion_key(query, said.thinking, said.answer, "math") == "value:42"


@pytest.mark.parametrize("text", [
    "<think>40+2 is \\boxed{42}", "<think>The answer is 42", "Well <think> 42? no", "   ",
    "<|im_end|>", "<think></think>",
])  # fmt: skip
def test_what_was_cut_off_concludes_nothing(text: str) -> None:
    said = split_completion(text)
    assert conclusion_key("How much is 40 + 2?", said.thinking, said.answer, "math") is None
