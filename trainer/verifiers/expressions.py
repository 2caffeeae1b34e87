"""Whether two quantities are equal: math-verify reads and compares them, and sympy computes."""

import re
import warnings
from typing import Any, Final

from trainer.verifiers import quantities
from trainer.verifiers.words import in_words

#: How far apart, of their size, numbers may be of which one is a decimal; and exact ones.
_NEAR, _EXACT = 2e-6, 1e-12
#: Half of the ninth place after the point, as keys are rounded.
_ROUNDING: Final = 5e-10
_COMMAND = re.compile(r"\\[A-Za-z]+")


def same_quantity(gold: str, given: str) -> bool:
    """Whether two expressions, each with or without a unit, are equal."""
    if gold == given:
        return _read(gold) is not None or _unit_of(gold) is not None
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
    if in_words(text):
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
    gold, given = _whole(gold), _whole(given)
    if not verify([gold], [given], timeout_seconds=None):
        return False
    if not (getattr(gold, "is_number", False) and getattr(given, "is_number", False)):
        return True
    near = _NEAR if gold.has(Float) or given.has(Float) else _EXACT
    one: Any = gold.evalf(30)
    other: Any = given.evalf(30)
    return bool(one == other or abs(one - other) <= near * max(abs(one), abs(other)))


def _whole(value: Any) -> Any:
    """A whole number for a decimal that is one up to the error of floating point."""
    from sympy import Float, Integer

    if isinstance(value, Float):
        nearest = Integer(round(value))
        if abs(value - nearest) < _ROUNDING:
            return nearest
    return value


def _same_equation(gold: Any, given: Any) -> bool:
    """Whether one equation is the other times a number, or gives the same name the same value."""
    from sympy import Symbol, simplify

    if isinstance(gold.lhs, Symbol) and gold.lhs == given.lhs:
        return _same_value(gold.rhs, given.rhs)
    left, right = gold.lhs - gold.rhs, given.lhs - given.rhs
    ratio: Any = simplify(left / right) if right != 0 else right
    return bool(ratio.is_number and ratio.is_finite and ratio != 0)
