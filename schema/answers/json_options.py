"""Multiple choice: options in JSON or as a Python literal, in the forms that data sets use."""

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

_NESTED = re.compile(r"[{\[].*[}\]]", re.DOTALL)
_OBJECT = re.compile(r"\{[^{}]*\}")
_LABEL = re.compile(r"\(?([A-Z])[.):]\)?\s+(\S.*)", re.DOTALL)
_TEXT_NAMES = ("text", "content", "value", "option")


def options_in_json(query: str) -> tuple[tuple[str, str], ...]:
    """Options of `{"A": "x", …}`, `{"label": […], "text": […]}`, `[{"label": "A", …}]` or
    `["A. x", …]`; () where the query holds none of these.
    """
    if not ("{" in query or "[" in query) or not ('"A' in query or "'A" in query):
        return ()
    nested = _NESTED.search(query)
    texts = [nested[0]] if nested else []
    for text in [*texts, *reversed(_OBJECT.findall(query))]:
        made = _made(text)
        found = _of_object(made) if isinstance(made, dict) else _of_list(made)
        if len(found) >= 2 and [letter for letter, _ in found] == _letters(len(found)):
            return tuple(found)
    return ()


def _letters(count: int) -> list[str]:
    return [chr(ord("A") + place) for place in range(count)]


def _made(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _of_object(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    labels, texts = made.get("label"), made.get("text")
    if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
        return [(str(label), str(text)) for label, text in zip(labels, texts, strict=True)]
    return [(str(letter), str(text)) for letter, text in made.items()]


def _of_list(made: Any) -> list[tuple[str, str]]:
    """Options of a list of labelled texts, or of objects with a label and a text each."""
    found: list[tuple[str, str]] = []
    for item in made if isinstance(made, list) else []:
        if isinstance(item, dict):
            text = next((item[name] for name in _TEXT_NAMES if name in item), None)
            label = item.get("label", item.get("key"))
            if text is None or label is None:
                return []
            found.append((str(label), str(text)))
        else:
            match = _LABEL.fullmatch(item) if isinstance(item, str) else None
            if match is None:
                return []
            found.append((match[1], match[2]))
    return found
