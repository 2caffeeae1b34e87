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
#: Items of OpenAI's Responses API other than messages with a role.
_ITEMS: Final = ("reasoning", "function_call", "function_call_output")
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
    if all("role" in turn and turn.get("type") in (None, "message") for turn in value):
        return [{k: v for k, v in turn.items() if v is not None and k != "type"} for turn in value]
    if all(turn.get("type") in _ITEMS for turn in value if "role" not in turn):
        return _of_items(value)
    if all("from" in turn and "value" in turn for turn in value):
        return [{"role": _role(turn["from"]), "content": turn["value"]} for turn in value]
    return None


def _of_items(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Items of the Responses API as messages; reasoning belongs to what follows it."""
    turns: list[dict[str, Any]] = []
    thought: list[str] = []
    for item in items:
        kind = item.get("type")
        if kind == "reasoning":
            parts = [*(item.get("content") or []), *(item.get("summary") or [])]
            thought += [part["text"] for part in parts if isinstance(part.get("text"), str)]
            continue
        if kind == "function_call":
            call = {"id": item.get("call_id"), "function": {"name": item.get("name")}}
            call["function"]["arguments"] = item.get("arguments")
            turn = {"role": "assistant", "content": "", "tool_calls": [call]}
        elif kind == "function_call_output":
            turn = {"role": "tool", "content": item.get("output")}
            turn["tool_call_id"] = item.get("call_id")
        else:
            turn = {"role": item["role"], "content": item.get("content")}
        if thought and turn["role"] == "assistant":
            turn["reasoning_content"] = "\n".join(thought)
            thought = []
        turns.append(turn)
    return turns


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
