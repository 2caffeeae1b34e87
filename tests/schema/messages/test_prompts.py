"""Messages from a query's text: what was written can be read again, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.messages.prompts import prompt_messages
from schema.messages.texts import query_text

TEXTS = st.text(alphabet="ab \n\\<|>") | st.sampled_from(["<|user|>", "\\<|system|>\nx", ""])
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant"]), "content": TEXTS}
    ),
    min_size=2,
    max_size=4,
)


@given(MESSAGES)
def test_several_messages_come_back_as_they_were(messages: list[dict[str, str]]) -> None:
    assert prompt_messages(query_text(messages)) == messages


@pytest.mark.parametrize("text", ["What is 2 + 2?", "a\n<|system|>\nb", "<|x|> is a token"])
def test_a_plain_text_is_what_a_user_says(text: str) -> None:
    assert prompt_messages(text) == [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    "text",
    [
        '<|tools|>\n[{"name":"add"}]\n<|user|>\nAdd.',
        "<|user|>\n<|image 5f1c|>\nWhat is this?",
        "<|user|>\nAdd.\n<|assistant|>\n<|call|>\n{}\n<|tool 1|>\n3",
        "<|assistant thinking|>\nhm\n<|assistant|>\nyes",
    ],
)
def test_what_text_alone_cannot_restore_is_none(text: str) -> None:
    assert prompt_messages(text) is None
