"""Conversations of data sets, in OpenAI's words or ShareGPT's, with prompt and reply in one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schema.errors import InputError
from schema.messages.tools import plain_list

#: ShareGPT's names of the roles.
_ROLES: Final = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
}
#: Who speaks in a reply: the policy, and the tools that it called.
_REPLYING: Final = ("assistant", "tool", "function")


def chat_messages(value: Any) -> list[dict[str, Any]] | None:
    """`value` as messages with `role` and `content`; None: it is no list of messages.

    Messages may have `from` and `value`, as ShareGPT's, or be the JSON text of a list.

    Raises:
        InputError: if one of ShareGPT's roles is not known.
    """
    value = plain_list(value)
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        return None
    if not all(isinstance(turn, Mapping) for turn in value):
        return None
    if all("role" in turn for turn in value):
        return [{k: v for k, v in turn.items() if v is not None} for turn in value]
    if all("from" in turn and "value" in turn for turn in value):
        return [{"role": _role(turn["from"]), "content": turn["value"]} for turn in value]
    return None


def prompt_and_reply(
    turns: Sequence[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """A conversation in two: up to the last turn that is not the policy's, and what it replied.

    Raises:
        InputError: if it does not end with a reply, or begins with it.
    """
    end = len(turns)
    while end and turns[end - 1].get("role") in _REPLYING:
        end -= 1
    if not end or all(turn.get("role") != "assistant" for turn in turns[end:]):
        raise InputError(
            "the conversation holds no prompt with a reply of the assistant after it: leave the "
            "row out, or map `query` and `completion`"
        )
    return list(turns[:end]), list(turns[end:])


def _parsed(text: str) -> Any:
    """What a JSON text of messages holds; None: it is none."""
    if text.lstrip()[:1] != "[" or '"' not in text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _role(name: Any) -> str:
    role = _ROLES.get(name.lower()) if isinstance(name, str) else None
    if role is None:
        raise InputError(f"a turn is from {name!r}: say who that is, as human or gpt")
    return role
