"""Whether two results are the same: math-verify compares expressions, and nothing may be dropped.

What math-verify would leave out of a text (units, second quantities, the other items of a list) is
taken apart here first; each part has to be equal. Words, times of day and ratios are compared as
what they are.
"""

import itertools
import re
import warnings
from dataclasses import dataclass
from typing import Any, Final

from schema.errors import InputError
from trainer.verifiers import quantities
from trainer.verifiers.final_answer import final_answer
from trainer.verifiers.latex import to_latex, undressed

#: More items than this are compared in their order only.
_MOST_UNORDERED: Final = 6
#: Longest result that is parsed, characters.
_LONGEST: Final = 1_000
#: How far apart, of their size, numbers may be of which one is a decimal; and exact ones.
_NEAR, _EXACT = 2e-6, 1e-12

_ABOUT = re.compile(
    r"^(?:(?:so|thus|therefore|hence|then)\b,?\s*|about |approximately |approx\.? |roughly |around "
    r"|exactly |~|≈|\\approx\s*|(?:it|this|that|the answer|he|she|they) (?:is|are|was|costs)\b:?\s*"
    r"|(?:it|that)'s )+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_MATH_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "pi sin cos tan cot sec csc log ln exp sqrt inf infinity infty oo frac cdot pm geq leq neq "
        "cup cap emptyset circ and or sinh cosh tanh arcsin arccos arctan max min mod gcd lcm det "
        "binom",
    )
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_OR = re.compile(r"\s+(?:and|or)\s+|\\lor|\\vee|\\land|\\wedge")
_ASSIGNED = re.compile(r"\s*([A-Za-z](?:_\{?\w+\}?)?|\\[a-z]+)\s*=(?!=)\s*(.+)", re.DOTALL)
_RELATION = re.compile(r"[<>=]|\\(?:geq|leq|neq|in)(?![a-z])")
_RATIO = re.compile(r"\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+")
_JUDGED: Final = {"yes": True, "no": False, "true": True, "false": False}
_PROSE_NUMBER = re.compile(
    r"(?<![\w.,/^*+(-])(?:\\?\$|€|£)?-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?%?(?![\w^*/(+]|[.,:]\d)"
)
_SAID_LAST = re.compile(r"\b(?:is|are|was|equals)\s+((?:\\?\$|€|£)?-?\d[\d,]*(?:\.\d+)?%?)$")
_DOUBT = re.compile(
    r"\b(?:not|no|neither|nor|or|either|between|than|least|most|isn't|cannot|unless|if)\b|\?", re.I
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Items:
    """A list, tuple, set or interval; `brackets` are empty for a bare list."""

    brackets: str
    items: tuple[str, ...]
    #: Whether the text itself says that the order means nothing.
    unordered: bool


def same_result(gold: str, answer: str) -> bool:
    """Whether `answer` says what `gold` says.

    Raises:
        InputError: if the expected answer cannot be read.
    """
    expected = _result(gold)
    if not expected:
        raise InputError(f"the expected answer {gold[:80]!r} says nothing")
    if _needs_parser(expected) and not _equal(expected, expected):
        raise InputError(f"the expected answer {gold[:80]!r} cannot be read")
    given = _result(answer)
    if not given or len(given) > _LONGEST:
        return bool(given) and given == expected
    return _equal(expected, given)


def _result(text: str) -> str:
    return _ABOUT.sub("", undressed(final_answer(text))).strip(" .,;:")


def _needs_parser(text: str) -> bool:
    return not _in_words(text) and quantities.number_in_words(text) is None


def _equal(gold: str, given: str) -> bool:
    if gold.lower().split(",")[0] in _JUDGED and "," not in gold:
        first = re.match(r"\W*(\w+)", given.lower())
        return first is not None and _JUDGED.get(first[1]) is _JUDGED[gold.lower()]
    if _in_words(gold) and quantities.number_in_words(gold) is None:
        return _folded(gold) == _folded(given)
    clocks = quantities.time_of_day(gold), quantities.time_of_day(given)
    if clocks[0] is not None or clocks[1] is not None:
        return _same_clock(*clocks) if _RATIO.fullmatch(gold) is None or all(clocks) else False
    parts = quantities.compound(gold), quantities.compound(given)
    if parts[0] is not None or parts[1] is not None:
        return parts[0] == parts[1]
    if _in_words(given) and quantities.number_in_words(given) is None:
        given = _number_in_prose(given)
        if not given:
            return False
    return _same_items(_items(gold), _items(given))


def _in_words(text: str) -> bool:
    """Whether `text` is words: a name, a sentence, no expression or quantity."""
    number, _ = quantities.split_unit(text)
    plain = _COMMAND.sub(" ", _OR.sub(", ", number))
    if quantities.time_of_day(text) is not None or quantities.compound(text) is not None:
        return False
    words = [word for word in _WORD.findall(plain) if word.lower() not in _MATH_WORDS]
    return bool(words) and (
        len(words) > 1 or len(words[0]) > 2 or not re.search(r"[\d^=+*/]", plain)
    )


def _folded(text: str) -> str:
    words = re.sub(r"[^\w\s.%-]", " ", text.casefold()).split()
    return " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words).strip(" .")


def _same_clock(gold: tuple[int, bool] | None, given: tuple[int, bool] | None) -> bool:
    if gold is None or given is None or gold[0] != given[0]:
        return False
    return gold[1] == given[1] or max(gold[0], given[0]) >= 13 * 3_600


def _number_in_prose(sentence: str) -> str:
    """The one number that a sentence says, or what follows its last `=`; empty where unclear."""
    if _DOUBT.search(sentence):
        return ""
    if "=" in sentence:
        last = sentence.rpartition("=")[2].strip()
        return last if last and not _in_words(last) else ""
    if last := _SAID_LAST.search(sentence):
        return last[1]
    numbers = {number.strip() for number in _PROSE_NUMBER.findall(sentence)}
    return numbers.pop() if len(numbers) == 1 and not _COMMAND.search(sentence) else ""


def _items(text: str) -> _Items:
    """`text` as a list of at least one item."""
    if (number := quantities.number_in_words(text)) is not None:
        return _Items(brackets="", items=(str(number),), unordered=False)
    latex = to_latex(text)
    if (sign := latex.find("\\pm")) >= 0 and latex.count("\\pm") == 1:
        before, after = latex[:sign], latex[sign + 3 :]
        return _Items(
            brackets="",
            items=(f"{before}+{after}".lstrip("+ "), f"{before}-{after}"),
            unordered=True,
        )
    unordered = _OR.search(latex) is not None
    name, latex = _named(latex)
    brackets = ""
    if enclosed := re.fullmatch(r"(\\\{|[({\[])(.*?)(\\\}|[)}\]])", latex, re.DOTALL):
        opening, closing = enclosed[1][-1], enclosed[3][-1]
        inner = _split(enclosed[2])
        if inner is not None and (len(inner) > 1 or (opening == "{" and "\\" in enclosed[1])):
            brackets, latex = opening + closing, enclosed[2]
    items = _split(latex) or [latex]
    if len(items) == 1 and name:
        items = [f"{name}={items[0]}"]
    return _Items(brackets=brackets, items=tuple(items), unordered=unordered or brackets == "{}")


def _named(latex: str) -> tuple[str, str]:
    """(variable, values) of `n = 2, 3, 4`; every other text has no name."""
    found = _ASSIGNED.fullmatch(latex)
    if found is None or _RELATION.search(found[2]):
        return "", latex
    return found[1].strip(), found[2]


def _split(latex: str) -> list[str] | None:
    """Items at the outermost level, or None if the brackets do not match."""
    latex = _OR.sub(",", latex)
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


def _same_items(gold: _Items, given: _Items) -> bool:
    if len(gold.items) != len(given.items):
        return False
    if len(gold.items) == 1:
        return _same_quantity(gold.items[0], given.items[0])
    if gold.brackets != given.brackets and gold.brackets and given.brackets:
        return False
    if (
        not gold.brackets
        and any(bracket in given.brackets for bracket in "[]")
        and len(gold.items) == 2
    ):
        return False
    assigned = all(_ASSIGNED.fullmatch(item) for item in gold.items + given.items)
    orders: Any = [given.items]
    if (gold.unordered or (given.unordered and not gold.brackets) or assigned) and (
        len(gold.items) <= _MOST_UNORDERED
    ):
        orders = itertools.permutations(given.items)
    return any(all(map(_same_quantity, gold.items, order)) for order in orders)


def _same_quantity(gold: str, given: str) -> bool:
    if gold == given:
        return _read(gold) is not None or _unit_of(gold) is not None
    if any(
        len(_split(text) or "  ") > 1 or text[:1] in ("(", "[", "\\{") for text in (gold, given)
    ):
        inner = _items(gold), _items(given)
        if min(len(inner[0].items), len(inner[1].items)) > 1:
            return _same_items(*inner)
    (left, gold_unit), (right, given_unit) = map(quantities.split_unit, (gold, given))
    one, other = _read(left), _read(right)
    if one is None or other is None:
        return False
    if "%" in (gold_unit, given_unit):
        if not {gold_unit, given_unit} <= {"%", ""}:
            return False
        hundredth = one / 100 if gold_unit == "%" else one
        return _same_value(one, other) or (
            gold_unit != given_unit
            and _same_value(hundredth, other if gold_unit == "%" else other / 100)
        )
    if gold_unit and given_unit and gold_unit != given_unit:
        return False
    return _same_value(one, other)


def _unit_of(text: str) -> Any:
    number, unit = quantities.split_unit(text)
    return _read(number) if unit else None


def _read(latex: str) -> Any:
    """What math-verify makes of an expression; None if it cannot be read, or is not finite."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse
    from sympy import nan, zoo

    settings = NormalizationConfig(
        basic_latex=True,
        units=False,
        malformed_operators=True,
        nits=False,
        boxed="none",
        equations=False,
    )
    target = LatexExtractionConfig(boxed_match_priority=-1, normalization_config=settings)
    text = _last_side(latex)
    if _in_words(text):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of odd escapes in what the policy wrote.
        # No deadline of its own, which would need signals: the process has one.
        found = parse(f"${text}$", [target], fallback_mode="no_fallback", parsing_timeout=0)
    return found[0] if found and found[0] not in (nan, zoo) else None


def _last_side(latex: str) -> str:
    """`40 + 2 = 42` says 42; equations with letters on the left stay whole."""
    left, equals, right = latex.rpartition("=")
    if (
        equals
        and left
        and left[-1] not in "<>!\\"
        and not re.search(r"[A-Za-z]", _COMMAND.sub("", left))
    ):
        return right.strip()
    return latex


def _same_value(gold: Any, given: Any) -> bool:
    """math-verify's verdict, held to more digits where both are numbers, and to whole equations."""
    from math_verify import verify
    from sympy import Eq, Float

    if isinstance(gold, Eq) and isinstance(given, Eq):
        return _same_equation(gold, given)
    if not verify([gold], [given], timeout_seconds=None):
        return False
    if not (getattr(gold, "is_number", False) and getattr(given, "is_number", False)):
        return True
    near = _NEAR if gold.has(Float) or given.has(Float) else _EXACT
    one: Any = gold.evalf(30)
    other: Any = given.evalf(30)
    return bool(one == other or abs(one - other) <= near * max(abs(one), abs(other)))


def _same_equation(gold: Any, given: Any) -> bool:
    """Whether one equation is the other times a number, or gives the same name the same value."""
    from sympy import Symbol, simplify

    if isinstance(gold.lhs, Symbol) and gold.lhs == given.lhs:
        return _same_value(gold.rhs, given.rhs)
    left, right = gold.lhs - gold.rhs, given.lhs - given.rhs
    ratio: Any = simplify(left / right) if right != 0 else right
    return bool(ratio.is_number and ratio.is_finite and ratio != 0)
