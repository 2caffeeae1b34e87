"""Chats of data sets: ShareGPT's words, JSON texts, and where the reply begins."""

import pytest

from schema.errors import InputError
from schema.messages.conversations import chat_messages, prompt_and_reply

CHAT = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


@pytest.mark.parametrize(
    "value",
    [
        CHAT,
        [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
        '[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]',
        [{**turn, "tool_calls": None} for turn in CHAT],
    ],
)
def test_messages_in_several_words(value: object) -> None:
    assert chat_messages(value) == CHAT


@pytest.mark.parametrize("value", ["a", "[1, 2]", "[not json", [], ["a"], [{"x": 1}], 3, None])
def test_what_is_no_chat(value: object) -> None:
    assert chat_messages(value) is None


def test_an_unknown_speaker_is_refused() -> None:
    with pytest.raises(InputError, match="'narrator'"):
        chat_messages([{"from": "narrator", "value": "a"}])


def test_the_reply_is_all_that_follows_the_last_turn_of_others() -> None:
    tool = {"role": "tool", "content": "4"}
    assert prompt_and_reply([*CHAT, *CHAT, tool, CHAT[1]]) == (
        [*CHAT, CHAT[0]],
        [CHAT[1], tool, CHAT[1]],
    )
    for turns in ([CHAT[0]], [CHAT[1]], [CHAT[0], tool]):
        with pytest.raises(InputError, match="no prompt with a reply"):
            prompt_and_reply(turns)
