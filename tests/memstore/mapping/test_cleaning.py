"""The same question from several tools is one query; what is taken off is counted."""

from collections import Counter
from typing import Any

import pytest

from memstore.mapping.cleaning import cleaned_completion, cleaned_query, count_tails

SUM = "What is 2 + 2?"
USER = [{"role": "user", "content": SUM}]
CAFE = "caf\u00e9"


@pytest.mark.parametrize(
    "value",
    [
        SUM,
        f"  {SUM}\n",
        USER,
        [{"from": "human", "value": SUM}],
        '[{"role": "user", "content": "What is 2 + 2?"}]',
        ['[{"role": "user", "content": "What is 2 + 2?"}]'],
        f"<|im_start|>user\n{SUM}<|im_end|>\n<|im_start|>assistant\n",
        f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{SUM}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    ],
)
def test_one_question_is_one_query(value: Any) -> None:
    assert cleaned_query(value, Counter()) == (SUM, "")


def test_texts_are_normalized() -> None:
    assert cleaned_query("cafe\u0301 ", Counter())[0] == CAFE
    assert cleaned_query([{"role": "user", "content": "cafe\u0301"}], Counter())[0] == CAFE


def test_a_system_prompt_makes_another_query() -> None:
    query, _ = cleaned_query([{"role": "system", "content": "Be brief."}, *USER], Counter())
    assert query == f"<|system|>\nBe brief.\n<|user|>\n{SUM}"


def test_thinking_that_the_prompt_opened_belongs_to_the_completion() -> None:
    prompt = f"<|im_start|>user\n{SUM}<|im_end|>\n<|im_start|>assistant\n<think>\n"
    query, begun = cleaned_query(prompt, Counter())
    assert query == SUM
    assert cleaned_completion("Two and", begun, Counter()) == "<think>\nTwo and"
    assert cleaned_completion("<think>a</think>4", begun, Counter()) == "<think>a</think>4"
    empty = f"{prompt}\n</think>\n\n"
    assert cleaned_completion("4", cleaned_query(empty, Counter())[1], Counter()) == "4"


def test_what_is_taken_off_is_counted() -> None:
    cleaned: Counter[str] = Counter()
    cleaned_query(f"<|im_start|>user\n{SUM}<|im_end|>\n", cleaned)
    cleaned_completion("4<|im_end|><|endoftext|>", "", cleaned)
    count_tails("<answer>4</answer></s>", cleaned)
    count_tails("a > b", cleaned)
    assert cleaned == {"chat templates": 1, "end tokens": 2, "<answer> tags": 1}
