"""Whether two results are the same: math-verify compares expressions, and nothing may be dropped.

What math-verify would leave out of a text (units, second quantities, the other items of a list) is
taken apart here first; each part has to be equal. Words, dates, times of day and ratios are
compared as what they are.
"""

import itertools
import re
from fractions import Fraction
from typing import Any, Final

from schema.answers import conclusion_key
from schema.errors import InputError
from schema.values import unfenced, without_politeness
from trainer.verifiers import quantities
from trainer.verifiers.dates import date
from trainer.verifiers.expressions import same_quantity
from trainer.verifiers.final_answer import final_answer
from trainer.verifiers.items import ASSIGNED, Items, items_of, split
from trainer.verifiers.latex import bare_ends, undressed
from trainer.verifiers.words import in_words, number_in_prose

#: More items than this are compared in their order only.
_MOST_UNORDERED: Final = 6
#: Longest result that is parsed, characters.
_LONGEST: Final = 1_000

_ABOUT = re.compile(
    r"^(?:(?:so|thus|therefore|hence|then)\b,?\s*|about |approximately |approx\.? |roughly |around "
    r"|exactly |~|≈|\\approx\s*|the (?:date|time|day|point) (?:is|was)\b:?\s*"
    r"|(?:it|this|that|the answer|he|she|they) (?:is|are|was|costs)\b:?\s*"
    r"|(?:it|that)'s )+",
    re.IGNORECASE,
)
#: What an answer is said not to be: `54, not 56`.
_DENIED = re.compile(r"(?<=\d),\s+(?:not|rather than)\s[^,]*$")
#: A derivative; a number in another base, which is no product.
_PRIMED = re.compile(r"[A-Za-z]'+(?=\s*\()")
_LITERAL = re.compile(r"\b0[xXbBoO][\dA-Fa-f]+\b")
#: Longest cell of a grid, and what is in none.
_WIDEST: Final = 3
_NO_CELL = re.compile(r"[=<>()\[\]{}\\$:;/]")
_MINUS = re.compile(r"\b(?:minus|negative)\s+(?=\d)", re.IGNORECASE)
_RATIO = re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+")
_JUDGED: Final = {"yes": True, "no": False, "true": True, "false": False}


def same_result(gold: str, answer: str, query: str = "") -> bool:
    """Whether `answer` says what `gold` says.

    Args:
        gold: the expected answer.
        answer: the given one.
        query: what was asked, by which an answer in sentences is read.

    Raises:
        InputError: if the expected answer cannot be read.
    """
    grid = _grid(gold)
    if len(grid) > 1:
        return _grid(without_politeness(answer))[-len(grid) :] == grid
    expected = _result(gold)
    if not expected:
        raise InputError(f"the expected answer {gold[:80]!r} says nothing")
    if _needs_parser(expected) and not _equal(expected, expected):
        raise InputError(f"the expected answer {gold[:80]!r} cannot be read")
    given = _result(answer)
    if not given or len(given) > _LONGEST:
        return bool(given) and given == expected
    if in_words(given) and quantities.number_in_words(given) is None:
        given = number_in_prose(given) or _said(query, answer) or given
    return _equal(expected, given)


def _said(query: str, answer: str) -> str:
    """The number that the conclusion key of an answer holds; empty if it holds another thing."""
    kind, _, value = (conclusion_key(query, "", answer, "math") or "").partition(":")
    return value.replace("_", " ") if kind == "value" else ""


def _result(text: str) -> str:
    result = bare_ends(_ABOUT.sub("", undressed(final_answer(text))))
    return _DENIED.sub("", _MINUS.sub("-", result))


def _needs_parser(text: str) -> bool:
    return not in_words(text) and quantities.number_in_words(text) is None


def _equal(gold: str, given: str) -> bool:
    if gold.lower().split(",")[0] in _JUDGED and "," not in gold:
        first = re.match(r"\W*(\w+)", given.lower())
        return first is not None and _JUDGED.get(first[1]) is _JUDGED[gold.lower()]
    if _LITERAL.search(gold + " " + given):
        return _folded(gold) == _folded(given)
    if _PRIMED.findall(gold) != _PRIMED.findall(given):
        return False
    if _RATIO.fullmatch(gold) and _RATIO.fullmatch(given) and gold.count(":") > 1:
        return _same_ratio(gold, given)
    dates = date(gold), date(given)
    if dates[0] is not None or dates[1] is not None:
        return dates[0] == dates[1]
    if in_words(gold) and quantities.number_in_words(gold) is None:
        return _folded(gold) == _folded(given)
    clocks = quantities.time_of_day(gold), quantities.time_of_day(given)
    if clocks[0] is not None or clocks[1] is not None:
        return _same_clock(*clocks) if _RATIO.fullmatch(gold) is None or all(clocks) else False
    parts = quantities.compound(gold), quantities.compound(given)
    if parts[0] is not None or parts[1] is not None:
        return parts[0] == parts[1]
    if in_words(given) and quantities.number_in_words(given) is None:
        return False
    return _same_items(items_of(gold), items_of(given))


def _grid(text: str) -> list[list[str]]:
    """The cells of the lines at the end of a text that are cells and nothing else."""
    rows: list[list[str]] = []
    for line in reversed(unfenced(text.strip()).strip().split("\n")):
        cells = line.replace(",", " ").split()
        if not cells or any(len(cell) > _WIDEST or _NO_CELL.search(cell) for cell in cells):
            break
        rows.insert(0, cells)
    return rows


def _same_ratio(gold: str, given: str) -> bool:
    """Whether ratios of three parts or more are in proportion."""
    left, right = ([Fraction(part) for part in text.split(":")] for text in (gold, given))
    return len(left) == len(right) and all(
        one * right[0] == other * left[0] for one, other in zip(left, right, strict=True)
    )


def _folded(text: str) -> str:
    words = re.sub(r"[^\w\s.%-]", " ", text.casefold()).split()
    return " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words).strip(" .")


def _same_clock(gold: tuple[int, bool] | None, given: tuple[int, bool] | None) -> bool:
    if gold is None or given is None or gold[0] != given[0]:
        return False
    return gold[1] == given[1] or max(gold[0], given[0]) >= 13 * 3_600


def _same_items(gold: Items, given: Items) -> bool:
    if len(gold.items) != len(given.items):
        return False
    if len(gold.items) == 1:
        return _same_part(gold.items[0], given.items[0])
    if gold.brackets != given.brackets and gold.brackets and given.brackets:
        return False
    if (
        not gold.brackets
        and any(bracket in given.brackets for bracket in "[]")
        and len(gold.items) == 2
    ):
        return False
    assigned = all(ASSIGNED.fullmatch(item) for item in gold.items + given.items)
    orders: Any = [given.items]
    if (gold.unordered or (given.unordered and not gold.brackets) or assigned) and (
        len(gold.items) <= _MOST_UNORDERED
    ):
        orders = itertools.permutations(given.items)
    return any(all(map(_same_part, gold.items, order)) for order in orders)


def _same_part(gold: str, given: str) -> bool:
    """Whether two items are equal; each may be a list itself."""
    if gold != given and any(
        len(split(text) or "  ") > 1 or text[:1] in ("(", "[", "\\{") for text in (gold, given)
    ):
        inner = items_of(gold), items_of(given)
        if min(len(inner[0].items), len(inner[1].items)) > 1:
            return _same_items(*inner)
    return same_quantity(gold, given)
