"""What a query asks for, as far as the reading of its answers depends on it."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from schema.mathematics import asked_units, plain_text

_READ: Final = 4_000
_AS_WRITTEN = re.compile(
    r"lowest terms|reduced fraction|simplif\w+ (?:the )?fraction|arithmetic expression"
    r"|mathematical expression|expression that|base[- ]\d|hexi?a?decimal|binary|roman numeral",
)
_WRITE_CODE = re.compile(
    r"\bassert\b|\b(?:write|implement|define|complete|create)\b[^.\n]{0,60}\b(?:function|program|"
    r"code|script|class|method)\b|\bpython (?:function|program|code)\b|^\s*def \w+\(",
    re.MULTILINE,
)
_NUMBER_ASKED = re.compile(
    r"\bhow (?:many|much|long|far|old|tall|fast)\b|\bwhat (?:is|was|are|will be) the (?:number|"
    r"total|sum|value|probability|percent\w*|cost|price|area|amount|average|difference)\b"
    r"|\bcalculate\b|\bfind the (?:number|value|sum)\b",
)
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
#: Every sign of ASCII that is no letter becomes a space. A whole table is faster than a part.
_NO_LETTERS: Final = {sign: chr(sign) if chr(sign).isalpha() else " " for sign in range(128)}


#: Without one of these in it a text need not be searched for what is above.
_AS_WRITTEN_SIGNS: Final = (
    "lowest", "reduced", "simplif", "expression", "base", "dec", "binary", "roman"
)  # fmt: skip
_CODE_SIGNS: Final = (
    "assert", "python", "def ", "function", "program", "code", "script", "class", "method"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What a query asks for; each part is read when it is needed first."""

    #: The query, in plain signs, and in lower case.
    text: str
    lower: str

    @cached_property
    def as_written(self) -> bool:
        """Numbers count as they are written: in lowest terms, in a base, as an expression."""
        return _holds(self.lower, _AS_WRITTEN_SIGNS) and _AS_WRITTEN.search(self.lower) is not None

    @cached_property
    def code(self) -> bool:
        """A program is to be written."""
        return _holds(self.lower, _CODE_SIGNS) and _WRITE_CODE.search(self.lower) is not None

    @cached_property
    def number(self) -> bool:
        """A number is asked for."""
        return _NUMBER_ASKED.search(self.lower) is not None

    @cached_property
    def units(self) -> frozenset[str]:
        """Units that need not be said, since the query names them."""
        return asked_units(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """The query's words, in lower case."""
        if self.lower.isascii():
            return frozenset(self.lower.translate(_NO_LETTERS).split())
        return frozenset(_WORD.findall(self.lower))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The query's numbers."""
        return frozenset(_NUMBER.findall(self.text.replace(",", "")))


def _holds(text: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # noqa: SIM110 (a generator would take longer than the search)
        if sign in text:
            return True
    return False


@lru_cache(maxsize=4_096)
def asked_of(query: str) -> Asked:
    """Read what `query` asks for, off its beginning and its end."""
    text = plain_text(query if len(query) <= 2 * _READ else query[:_READ] + query[-_READ:])
    return Asked(text=text, lower=text.lower())
