"""The key of several values: a list or a tuple in its order, an interval, a union, a set."""

import re
from collections.abc import Callable
from typing import Final

from schema.values.texts import text_key

#: Key of a part, if it is a value.
ValueOf = Callable[[str], str | None]

_JOINT = re.compile(r"\s*,\s*(?:and|or|&)\s+|\s+(?:and|or)\s+", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|can|there|which|we|he|she|it|the|this|that|in|for|to|"
    r"let's|if|since|respectively)\b",
    re.IGNORECASE,
)
_OPEN: Final = "([{"
_CLOSE: Final = ")]}"
_BRACKET = re.compile(r"[()\[\]{}]")
#: One of these is in every text of several values.
_SEVERAL = re.compile(r"[,;∪&({\[]|\s(?:and|or)\s", re.IGNORECASE)


def several(plain: str, value_of: ValueOf) -> str | None:
    """Key of a list, a tuple, an interval, a union of them, or a set; else None."""
    if not _SEVERAL.search(plain):
        return None
    if "∪" in plain:
        parts = [value_of(part.strip()) for part in plain.split("∪")]
        return None if None in parts else "union:" + "∪".join(map(str, parts))
    first, last = plain[0], plain[-1]
    if plain.startswith("\\{") and plain.endswith("\\}"):
        return _set(plain[2:-2], value_of)
    if first == "{" and last == "}" and ":" not in plain and _encloses(plain) and "\\" not in plain:
        return _set(plain[1:-1], value_of)
    if first in "([" and last in ")]" and _encloses(plain):
        return _bracketed(plain, value_of)
    items = _items(plain)
    if len(items) > 1:
        return _list(items, value_of)
    parts = _JOINT.split(plain)
    if len(parts) > 1:
        keys = [value_of(part) for part in parts]
        return None if None in keys else _joined("list", [str(key) for key in keys])
    return None


def _bracketed(plain: str, value_of: ValueOf) -> str | None:
    """An interval, a tuple or a list, in its brackets."""
    first, last = plain[0], plain[-1]
    items = _items(plain[1:-1])
    if len(items) == 2 and (first, last) != ("(", ")"):
        ends = [value_of(item) for item in items]
        if all(end is not None and end.startswith(("value:", "expr:")) for end in ends):
            return f"interval:{first}{ends[0]},{ends[1]}{last}"
    return _list(items, value_of) if len(items) > 1 or first == "[" else None


def _encloses(plain: str) -> bool:
    """Whether the first bracket is closed by the last character."""
    depth = 0
    for place, character in enumerate(plain):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return place == len(plain) - 1
    return False


def _items(plain: str) -> list[str]:
    """Parts between the commas (or semicolons) that are in no bracket."""
    if "," not in plain and ";" not in plain:
        return [plain]
    mark = ";" if ";" in plain else ","
    if not _BRACKET.search(plain):
        items = [item.strip() for item in plain.split(mark)]
    else:
        items = _outside_brackets(plain, mark)
    last = _JOINT.split(f" {items[-1]}", maxsplit=1)
    if len(items) > 1 and len(last) == 2:
        items[-1:] = [part.strip() for part in last if part.strip()]
    return items if items[-1] else items[:-1]


def _outside_brackets(plain: str, mark: str) -> list[str]:
    """The parts between the marks that are in no bracket."""
    items, depth, start = list[str](), 0, 0
    for place, character in enumerate(plain):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == mark and depth == 0:
            items.append(plain[start:place].strip())
            start = place + 1
    items.append(plain[start:].strip())
    return items


def _list(items: list[str], value_of: ValueOf) -> str | None:
    """Key of a list in its order; None if it is prose with commas."""
    if any(not item or item.count(" ") > 3 or _CLAUSE.search(item) for item in items):
        return None
    return _joined("list", [_item(item, value_of) for item in items])


def _set(inside: str, value_of: ValueOf) -> str | None:
    if not inside.strip():
        return "set:"
    items = _items(inside)
    if any(not item or "|" in item for item in items):
        return None
    return _joined("set", sorted(_item(item, value_of) for item in items))


def _item(item: str, value_of: ValueOf) -> str:
    return value_of(item) or text_key(item) or "text:"


def _joined(kind: str, keys: list[str]) -> str:
    return f"{kind}:" + "|".join(key.removeprefix("value:") for key in keys)
