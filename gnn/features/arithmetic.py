"""Arithmetic that a text states (`48 / 2 = 24`), and whether it holds. Nothing is executed.

A statement that does not hold is the plainest label-free sign that a chain of thought went wrong.
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from schema.answers import plain_expression

#: Statements of one text that are checked; the first ones are dropped beyond that.
MOST_STATEMENTS: Final = 40

_NUM = r"(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,12})?"
_WORDS = re.compile(r"(?<![\\\w])[A-Za-z]{3,}\b(?:\s?/\s?[A-Za-z]+)?|%")
_NUMBER = re.compile(rf"(?<![\w.]){_NUM}(?!\d)")
#: Numbers, operators, brackets and the equals sign; everything else breaks a statement.
_TOKEN = re.compile(rf"(?P<number>{_NUM})|(?P<operator>[-+*/^])|(?P<bracket>[()])|(?P<equals>=)|\S")
#: Longest side of an equation, in tokens.
_LONGEST_SIDE: Final = 64
_OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def statements(text: str) -> tuple[int, int, int]:
    """How many stated equations of `text` hold, how many do not, and the last one's sign.

    Returns:
        (right, wrong, last): last is 1 if the last one holds, -1 if not, 0 without any.
    """
    verdicts: list[bool] = []
    for line in text.split("\n"):
        if "=" in line or "\\approx" in line:
            verdicts.extend(_verdicts(line.replace("\\approx", "=").replace("≈", "=")))
    verdicts = verdicts[-MOST_STATEMENTS:]
    right = sum(verdicts)
    return right, len(verdicts) - right, (0 if not verdicts else 1 if verdicts[-1] else -1)


def _verdicts(line: str) -> list[bool]:
    """Verdicts on the equations of one line, chains `a + b = c = d` included."""
    if len(line) > 1000:
        return []
    tokens = _tokens(_WORDS.sub(" ", plain_expression(line)))
    verdicts: list[bool] = []
    for place, (kind, _) in enumerate(tokens):
        if kind != "equals":
            continue
        left, right = _left_of(tokens, place), _right_of(tokens, place)
        if left is None or right is None or not (_computes(left) or _computes(right)):
            continue
        values = evaluate(" ".join(left)), evaluate(" ".join(right))
        if values[0] is not None and values[1] is not None:
            verdicts.append(_close(values[0], values[1]))
    return verdicts


def _tokens(plain: str) -> list[tuple[str, str]]:
    """(kind, text) of each part of `plain`; kind is 'other' for what breaks a statement."""
    return [(match.lastgroup or "other", match[0]) for match in _TOKEN.finditer(plain)]


def _left_of(tokens: list[tuple[str, str]], equals: int) -> list[str] | None:
    """The expression that ends at the equals sign; None where there is no expression."""
    start = equals
    while start > 0 and equals - start < _LONGEST_SIDE:
        kind = tokens[start - 1][0]
        if kind in ("equals", "other"):
            break
        if kind == "number" and start < equals and tokens[start][0] == "number":
            break
        start -= 1
    side = tokens[start:equals]
    if not side or (start > 0 and tokens[start - 1][0] == "other" and side[0][0] == "operator"):
        return None
    if start > 0 and tokens[start - 1] == ("other", "\\"):
        return None
    return balanced([text for _, text in side])


def _right_of(tokens: list[tuple[str, str]], equals: int) -> list[str] | None:
    """The expression that starts after the equals sign, or None."""
    end = equals + 1
    while end < len(tokens) and end - equals <= _LONGEST_SIDE:
        kind = tokens[end][0]
        if kind in ("equals", "other"):
            break
        if kind == "number" and tokens[end - 1][0] == "number":
            break
        end += 1
    side = tokens[equals + 1 : end]
    if not side or (end < len(tokens) and tokens[end][1].isalpha()):
        return None
    return balanced([text for _, text in side])


def _computes(side: list[str]) -> bool:
    """Whether a side holds an operation between two numbers."""
    return any(a in "+-*/^" and place > 0 for place, a in enumerate(side)) and len(side) >= 3


def _close(a: float, b: float) -> bool:
    """Equal up to the rounding that people write (three digits, or a percentage)."""
    return any(math.isclose(a * scale, b, rel_tol=4e-3, abs_tol=6e-3) for scale in (1, 100))


def balanced(side: list[str]) -> list[str]:
    """`side` without the brackets that are left open at its ends."""
    while side.count("(") > side.count(")"):
        side = side[side.index("(") + 1 :] if side[0] == "(" else _without(side, "(")
    while side.count(")") > side.count("("):
        side = _without(side[::-1], ")")[::-1]
    while side and side[-1] in "+-*/^":
        side = side[:-1]
    return side


def _without(side: list[str], bracket: str) -> list[str]:
    """`side` without the first `bracket` in it."""
    place = side.index(bracket)
    return side[:place] + side[place + 1 :]


def evaluate(expression: str) -> float | None:
    """Value of an expression of numbers, + - * / ^ and brackets; None if it is not one."""
    if len(expression) > 300:
        return None
    source = expression.replace(",", "").replace("^", "**")
    source = re.sub(r"(?<![\d.])0+(?=\d)", "", source.strip())
    if not source:
        return None
    try:
        value = _value(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError):
        return None
    return value if math.isfinite(value) else None


def _value(node: ast.expr) -> float:
    """Value of a syntax tree of plain arithmetic.

    Raises:
        ValueError: if the tree holds anything else.
    """
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = _value(left), _value(right)
            if abs(exponent) > 64 or (base < 0 and exponent != round(exponent)):
                raise ValueError("power out of bounds")
            return base**exponent
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left), _value(right))
        case _:
            raise ValueError("not plain arithmetic")


def numbers_in(plain: str) -> list[float]:
    """Numbers written in `plain`, in order, at most 400 of them (the last)."""
    return [float(number.replace(",", "")) for number in _NUMBER.findall(plain)[-400:]]


@lru_cache(maxsize=1_024)
def query_value(query: str) -> float | None:
    """Value of the arithmetic expression that holds all numbers of `query`, or None."""
    tokens = _tokens(_WORDS.sub(" ~ ", plain_expression(query[-2000:])))
    best: list[str] = []
    run: list[str] = []
    for kind, text in [*tokens, ("other", "")]:
        if kind in ("number", "operator", "bracket") and len(run) < _LONGEST_SIDE:
            run.append(text)
            continue
        side = balanced(run)
        if len(side) > len(best) and _computes(side):
            best = side
        run = []
    numbers = sum(kind == "number" for kind, _ in tokens)
    if not best or numbers != sum(text[0].isdigit() for text in best):
        return None
    return evaluate(" ".join(best))
