"""The key of an equation or an inequality; what only names a number is that number."""

import re

from schema.mathematics import expression_key
from schema.values.lists import ValueOf
from schema.values.sentences import LABEL, LEFT_SIDE

_RELATION = re.compile(r"(>=|<=|!=|=|<|>)")


def relation(plain: str, value_of: ValueOf) -> str | None:
    """Key of a relation; `x = 5` is 5 and a chain of equal numbers is its last one."""
    parts = _RELATION.split(plain)
    if len(parts) < 3 or not parts[-1].strip():
        return None
    signs = set(parts[1::2])
    sides = [side.strip() for side in parts[::2]]
    last = value_of(sides[-1])
    if last is None and expression_key(sides[-1]) is None:
        return None
    if last is not None and signs == {"="}:
        left = LABEL if _is_number(last) else LEFT_SIDE
        named = not sides[0] or left.fullmatch(sides[0])
        if all(_is_number(value_of(side)) for side in sides[1 if named else 0 : -1]):
            return last
    keys: list[str] = []
    for side in sides:
        key = value_of(side) or expression_key(side)
        if key is None or "text:" in key:
            return None
        keys.append(key.removeprefix("value:"))
    written = [key + sign for key, sign in zip(keys, [*parts[1::2], ""], strict=True)]
    return "relation:" + "".join(written)


def _is_number(key: str | None) -> bool:
    return key is not None and key.startswith("value:")
