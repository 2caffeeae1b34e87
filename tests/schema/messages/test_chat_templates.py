"""Chat templates are read back, with their special tokens and without; texts that are none stay."""

import pytest

from schema.messages.chat_templates import templated_prompt

SUM = "What is 2 + 2?"
BRIEF = "Be brief."
WITH = {
    "ChatML": f"<|im_start|>system\n{BRIEF}<|im_end|>\n<|im_start|>user\n{SUM}<|im_end|>\n"
    "<|im_start|>assistant\n",
    "Llama 3": f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge "
    f"Date: December 2023\nToday Date: 26 Jul 2024\n\n{BRIEF}<|eot_id|><|start_header_id|>user"
    f"<|end_header_id|>\n\n{SUM}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "Mistral": f"<s>[INST] <<SYS>>\n{BRIEF}\n<</SYS>>\n\n{SUM} [/INST]",
    "DeepSeek": f"<｜begin▁of▁sentence｜>{BRIEF}<｜User｜>{SUM}<｜Assistant｜>",
    "Phi": f"<|system|>\n{BRIEF}<|end|>\n<|user|>\n{SUM}<|end|>\n<|assistant|>\n",
    "Harmony": f"<|start|>system<|message|>{BRIEF}<|end|><|start|>user<|message|>{SUM}<|end|>"
    "<|start|>assistant<|message|>",
}
WITHOUT = {
    "ChatML": f"system\n{BRIEF}\nuser\n{SUM}\nassistant\n",
    "Llama 3": f"system\n\n{BRIEF}user\n\n{SUM}assistant\n\n",
}
MESSAGES = ({"role": "system", "content": BRIEF}, {"role": "user", "content": SUM})


@pytest.mark.parametrize("name", WITH)
def test_templates_with_their_tokens(name: str) -> None:
    found = templated_prompt(WITH[name])
    assert found is not None
    assert (found.messages, found.begun) == (MESSAGES, "")


@pytest.mark.parametrize("name", WITHOUT)
def test_templates_without_their_tokens(name: str) -> None:
    found = templated_prompt(WITHOUT[name], bare=True)
    assert found is not None
    assert (found.messages, found.begun) == (MESSAGES, "")


def test_gemma_has_no_system_prompt() -> None:
    text = f"<bos><start_of_turn>user\n{SUM}<end_of_turn>\n<start_of_turn>model\n"
    found = templated_prompt(text)
    assert found is not None and found.messages == MESSAGES[1:]
    bare = templated_prompt(f"user\n{SUM}\nmodel\n", bare=True)
    assert bare is not None and bare.messages == MESSAGES[1:]


def test_earlier_turns_stay_and_a_begun_reply_is_apart() -> None:
    text = (
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nHi<|im_end|>\n"
        f"<|im_start|>user\n{SUM}<|im_end|>\n<|im_start|>assistant\n<think>\n"
    )
    found = templated_prompt(text)
    assert found is not None
    assert [turn["content"] for turn in found.messages] == ["Hello", "Hi", SUM]
    assert found.begun == "<think>\n"


def test_the_system_prompt_of_a_template_itself_is_dropped() -> None:
    default = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    found = templated_prompt(WITH["ChatML"].replace(BRIEF, default))
    assert found is not None and found.messages == MESSAGES[1:]


@pytest.mark.parametrize(
    "text",
    [
        SUM,
        "What does <|im_start|>user\n mean?",
        "Explain [INST] and [/INST].",
        f"<|system|>\n{BRIEF}\n<|user|>\n{SUM}",  # Our own text of messages.
        "A Human: a dialogue",
    ],
)
def test_texts_that_only_look_alike_stay(text: str) -> None:
    assert templated_prompt(text) is None


@pytest.mark.parametrize(
    "text",
    [
        SUM,
        "user\nnot finished",
        # A line of the question is the name of a role: which turn is which cannot be told.
        "user\nWho is root?\nuser\nnobody\nassistant\n",
        "superuser\n\nassistant\n\n",
    ],
)
def test_bare_texts_that_may_be_something_else_stay(text: str) -> None:
    assert templated_prompt(text, bare=True) is None
