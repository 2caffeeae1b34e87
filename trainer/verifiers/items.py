"""A result as its items: the elements of a list, a tuple, a set, an interval; or one."""

import re
from dataclasses import dataclass

from trainer.verifiers import quantities
from trainer.verifiers.latex import to_latex
from trainer.verifiers.words import ALTERNATIVE

ASSIGNED = re.compile(r"\s*([A-Za-z](?:_\{?\w+\}?)?|\\[a-z]+)\s*=(?!=)\s*(.+)", re.DOTALL)
_RELATION = re.compile(r"[<>=]|\\(?:geq|leq|neq|in)(?![a-z])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list, tuple, set or interval; `brackets` are empty for a bare list."""

    brackets: str
    items: tuple[str, ...]
    #: Whether the text itself says that the order means nothing.
    unordered: bool


def items_of(text: str) -> Items:
    """`text` as a list of at least one item."""
    if (number := quantities.number_in_words(text)) is not None:
        return Items(brackets="", items=(str(number),), unordered=False)
    latex = to_latex(text)
    if (sign := latex.find("\\pm")) >= 0 and latex.count("\\pm") == 1:
        before, after = latex[:sign], latex[sign + 3 :]
        return Items(
            brackets="",
            items=(f"{before}+{after}".lstrip("+ "), f"{before}-{after}"),
            unordered=True,
        )
    unordered = ALTERNATIVE.search(latex) is not None
    name, latex = _named(latex)
    brackets = ""
    if enclosed := re.fullmatch(r"(\\\{|[({\[])(.*?)(\\\}|[)}\]])", latex, re.DOTALL):
        opening, closing = enclosed[1][-1], enclosed[3][-1]
        inner = split(enclosed[2])
        if inner is not None and (len(inner) > 1 or (opening == "{" and "\\" in enclosed[1])):
            brackets, latex = opening + closing, enclosed[2]
    items = split(latex) or [latex]
    if len(items) == 1 and name:
        items = [f"{name}={items[0]}"]
    return Items(brackets=brackets, items=tuple(items), unordered=unordered or brackets == "{}")


def _named(latex: str) -> tuple[str, str]:
    """(variable, values) of `n = 2, 3, 4`; every other text has no name."""
    found = ASSIGNED.fullmatch(latex)
    if found is None or _RELATION.search(found[2]):
        return "", latex
    return found[1].strip(), found[2]


def split(latex: str) -> list[str] | None:
    """Items at the outermost level, or None if the brackets do not match."""
    latex = ALTERNATIVE.sub(",", latex)
    items, depth, start = [], 0, 0
    for place, character in enumerate(latex):
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return None
        if character in ",;" and depth == 0:
            items.append(latex[start:place].strip())
            start = place + 1
    items.append(latex[start:].strip())
    return None if depth else [item for item in items if item]
