r"""Whether two expressions are equal, by their values: exact fractions, or a value modulo a prime.

An expression is read as a polynomial, a quotient or a root and computed at one fixed point of a
prime field, letters standing for fixed random elements. Expressions that are equal as such have
one value (`(x+1)^2` and `1+2x+x^2`); those that differ share one with a chance below 2^-100. All
primes under 100 and -1 have square roots in the field, so `1/\sqrt2` is `\sqrt2/2`. What the
grammar does not know is not read at all: nothing in a text is ever passed over.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from schema.mathematics.field import (
    PRIME,
    Residue,
    Value,
    decimal,
    element,
    inverse,
    plus,
    power,
    residue,
    root,
    times,
)

#: Longest expression that is read, characters.
LONGEST: Final = 200
_DEEPEST: Final = 24
_PLACES: Final = 9

_FUNCTIONS: Final = [
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "sin",
    "cos",
    "tan",
    "cot",
    "sec",
    "csc",
    "ln",
    "log",
    "exp",
    "sqrt",
]
_TOKEN = re.compile(
    r"(?P<space>\s*)(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3}(?![\w.]))?)"
    r"|(?P<function>\\?(?:" + "|".join(_FUNCTIONS) + r")(?![A-Za-z]))"
    r"|(?P<command>\\(?:frac|over)(?![A-Za-z]))"
    r"|(?P<letter>[A-Za-zα-ωΑ-Ω])|(?P<sign>\*\*|[-+*/^(){}_!\[\]√]))"
)
_FUNCTION = re.compile("|".join(_FUNCTIONS))
_NAMED = re.compile(r"\\[A-Za-z]+|" + _FUNCTION.pattern)
#: Words, which are no products of letters.
_TWO_LETTERS = re.compile("[A-Za-z]{2}")
_WORDS = re.compile(r"[A-Za-z]{4}|[A-Za-z]{2}\s+[A-Za-z]{2}")


class Unreadable(Exception):
    """The text is no expression of this grammar."""


@lru_cache(maxsize=8_192)
def expression_key(text: str) -> str | None:
    """`value:<number>` or `expr:<hash>` of an expression; None if it is not read as one."""
    if len(text) > LONGEST:
        return None
    try:
        value = _Reader(_tokens(text)).whole()
    except (Unreadable, ZeroDivisionError):
        return None
    if isinstance(value, Residue):
        small = value.of if value.of < PRIME // 2 else value.of - PRIME
        return f"expr:{value.of:x}" if abs(small) >= 1 << 32 else f"value:{small}"
    return f"value:{shortest(value)}"


def shortest(exact: int | Fraction) -> str:
    """A number's text: exact where it ends within 9 places after the point, else so far."""
    if exact.denominator == 1:
        return str(exact.numerator)
    scaled = exact * 10**_PLACES
    if scaled.denominator == 1:
        return str(exact)
    whole = abs(exact.numerator) // exact.denominator
    if whole:
        return str(Fraction(round(scaled), 10**_PLACES))
    return f"{float(exact):.9g}" if exact.numerator.bit_length() < 900 else str(exact)


def _tokens(text: str) -> list[tuple[str, str, bool]]:
    """(kind, text, whether a space comes before) of every token."""
    tokens: list[tuple[str, str, bool]] = []
    text = text.strip()
    if _TWO_LETTERS.search(text):
        named = _NAMED if "\\" in text else _FUNCTION
        if _WORDS.search(named.sub(" ", text)):
            raise Unreadable
    place = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if match.start() != place or kind is None:
            raise Unreadable
        space, end = match.end("space"), match.end()
        tokens.append((kind, text[space:end], space > place))
        place = end
    if place < len(text) or not tokens:
        raise Unreadable
    return tokens


class _Reader:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, tokens: list[tuple[str, str, bool]]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    def whole(self) -> Value:
        value = self._sum()
        if self.place < len(self.tokens):
            raise Unreadable
        return value

    def _peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def _kind(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.tokens[place][0] if place < len(self.tokens) else ""

    def _take(self, *expected: str) -> str:
        text = self._peek()
        if not text or (expected and text not in expected):
            raise Unreadable
        self.place += 1
        return text

    def _sum(self) -> Value:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable
        sign = -1 if self._peek() in ("+", "-") and self._take() == "-" else 1
        total = times(sign, self._product())
        while self._peek() in ("+", "-"):
            sign = -1 if self._take() == "-" else 1
            total = plus(total, times(sign, self._product()))
        self.depth -= 1
        return total

    def _product(self) -> Value:
        value = self._power()
        divided = False
        while True:
            sign = self._peek()
            if sign in ("*", "/"):
                self._take()
                factor = self._signed()
                value = times(value, factor if sign == "*" else inverse(factor))
                divided = sign == "/"
            elif sign == "\\over":
                self._take()
                value, divided = times(value, inverse(self._product())), True
            elif self._kind() in ("letter", "function", "command") or sign in ("(", "{", "√"):
                if divided and self.tokens[self.place - 1][1] not in (")", "}"):
                    raise Unreadable  # 1/2x: people mean either.
                value = times(value, self._power())
            else:
                return value

    def _signed(self) -> Value:
        if self._peek() in ("-", "+"):
            return times(-1 if self._take() == "-" else 1, self._power())
        return self._power()

    def _power(self) -> Value:
        base = self._base()
        while self._peek() in ("^", "**"):
            self._take()
            base = power(base, self._signed())
        return base

    def _base(self) -> Value:
        kind, text = self._kind(), self._take()
        if kind == "number":
            return self._number(text)
        if kind == "letter":
            if self._kind() == "number" or self._peek() == "_":
                raise Unreadable  # H2O, C4, x_1: names, not products.
            return element(f"letter {text}")
        if kind == "function" or text == "√":
            return self._function(text.lstrip("\\").replace("√", "sqrt"))
        if text == "\\frac":
            above = self._argument()
            return times(above, inverse(self._argument()))
        if text in ("(", "{"):
            value = self._sum()
            self._take({"(": ")", "{": "}"}[text])
            return value
        raise Unreadable

    def _number(self, text: str) -> Value:
        r"""A number, or a mixed one: `5 1/2`, `5\frac{1}{2}`."""
        value = decimal(text)
        if not text.isdigit():
            return value
        here = self.place
        if self._peek() == "\\frac":
            self._take()
            above, below = self._argument(), self._argument()
        elif self._kind() == "number" and self.tokens[here][2] and self._kind(2) == "number":
            above = decimal(self._take())
            self._take("/")
            below = decimal(self._take())
        else:
            return value
        if isinstance(above, Residue) or isinstance(below, Residue) or not 0 < above < below:
            self.place = here
            return value
        return plus(value, times(above, inverse(below)))

    def _argument(self) -> Value:
        r"""What follows a command: a group, or one digit or letter (`\frac12`)."""
        if self._peek() == "{":
            self._take()
            value = self._sum()
            self._take("}")
            return value
        kind, text, spaced = self.tokens[self.place] if self._peek() else ("", "", False)
        if kind == "number" and text.isdigit():
            if len(text) == 1:
                self.place += 1
            else:
                self.tokens[self.place] = ("number", text[1:], spaced)
            return decimal(text[0])
        if kind == "letter":
            return self._base()
        raise Unreadable

    def _function(self, name: str) -> Value:
        if self._peek() == "_" and name == "log":
            self._take()
            if self._peek() == "e":
                self._take()
                name = "ln"
            else:
                name = f"log {residue(self._argument())}"
        if self._peek() == "[":
            self._take()
            degree = self._sum()
            self._take("]")
            return power(self._argument(), inverse(degree))
        if self._peek() in ("(", "{") or name == "sqrt":
            argument = self._argument() if name == "sqrt" and self._peek() != "(" else self._base()
        else:
            argument = self._bare_argument()
        if name == "sqrt":
            return root(argument)
        return element(f"{name} of {residue(argument)}")

    def _bare_argument(self) -> Value:
        """`ln 2`, `sin 2x`: numbers and letters that follow without a sign."""
        value = self._power()
        while self._kind() == "letter":
            value = times(value, self._power())
        if self._peek() in ("(", "{", "^"):
            raise Unreadable
        return value
