"""Tools that a policy may call, and its calls, as the one JSON text of each."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from schema.errors import InputError


def canonical_json(value: Any, what: str) -> str:
    """`value` as the one JSON text of it: keys sorted, no spaces, nulls of objects left out.

    Raises:
        InputError: if JSON cannot hold it.
    """
    try:
        return json.dumps(
            _without_nulls(value), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{what}: not JSON ({error}); give descriptions as plain values") from None


def plain_list(value: Any) -> Any:
    """Arrays, as which lists of Parquet may come, become lists; all else stays."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def written_calls(turn: Mapping[str, Any], number_of: dict[str, int]) -> list[str]:
    """The calls of a message, a line each: name and arguments.

    Args:
        turn: the message.
        number_of: of the calls so far, by their ids; those of this message are added.

    Raises:
        InputError: if they are no list of objects.
    """
    given = turn.get("tool_calls") or []
    if isinstance(given, str):
        given = _parsed(given, "tool_calls")
    given = plain_list(given)
    if not isinstance(given, Sequence):
        raise InputError(f"`tool_calls` is of type {type(given).__name__}: give a list")
    lines: list[str] = []
    for call in given:
        if not isinstance(call, Mapping):
            raise InputError(f"a tool call of type {type(call).__name__}: give objects")
        id_ = call.get("id")
        if id_ is not None:
            number_of.setdefault(str(id_), len(number_of) + 1)
        said = call.get("function") if isinstance(call.get("function"), Mapping) else call
        assert isinstance(said, Mapping)
        arguments = said.get("arguments")
        if isinstance(arguments, str):
            with suppress(ValueError):  # What the policy wrote is kept as it is.
                arguments = json.loads(arguments)
        shown = {**{k: v for k, v in said.items() if k != "id"}, "arguments": arguments}
        lines.append(f"<|call|>\n{canonical_json(shown, 'tool_calls')}")
    return lines


def listed_tools(tools: Any) -> list[Any] | None:
    """Descriptions of tools, given as a list or as its JSON; None: there are none.

    Raises:
        InputError: if they are anything else.
    """
    tools = plain_list(tools)
    tools = _parsed(tools, "tools") if isinstance(tools, str) and tools.strip() else tools
    if tools is None or tools == "" or tools == []:
        return None
    if not isinstance(tools, Sequence):
        raise InputError(f"`tools` is of type {type(tools).__name__}: give a list")
    return list(tools)


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"`{name}` is a text that is not JSON ({error}): give a list") from None


def _without_nulls(value: Any) -> Any:
    """`value` without the nulls that data sets fill in for fields which an object lacks."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
