"""What a query asks for, as far as the reading of its answers depends on it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from schema.mathematics import asked_units, plain_text

_READ: Final = 4_000
_AS_WRITTEN = re.compile(
    r"lowest terms|reduced fraction|simplif\w+ (?:the )?fraction|arithmetic expression"
    r"|mathematical expression|expression that|base[- ]\d|hexi?a?decimal|binary|roman numeral",
    re.IGNORECASE,
)
_WRITE_CODE = re.compile(
    r"\bassert\b|\b(?:write|implement|define|complete|create)\b[^.\n]{0,60}\b(?:function|program|"
    r"code|script|class|method)\b|\bpython (?:function|program|code)\b|^\s*def \w+\(",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER_ASKED = re.compile(
    r"\bhow (?:many|much|long|far|old|tall|fast)\b|\bwhat (?:is|was|are|will be) the (?:number|"
    r"total|sum|value|probability|percent\w*|cost|price|area|amount|average|difference)\b"
    r"|\bcalculate\b|\bfind the (?:number|value|sum)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Asked:
    """What a query asks for."""

    #: Numbers count as they are written: in lowest terms, in a base, as an expression.
    as_written: bool
    #: A program is to be written.
    code: bool
    #: A number is asked for.
    number: bool
    #: Units that need not be said, since the query names them.
    units: frozenset[str]
    #: The query's words, in lower case, and its numbers.
    words: frozenset[str]
    numbers: frozenset[str]


@lru_cache(maxsize=4_096)
def asked_of(query: str) -> Asked:
    """Read what `query` asks for, off its beginning and its end."""
    query = plain_text(query if len(query) <= 2 * _READ else query[:_READ] + query[-_READ:])
    return Asked(
        as_written=_AS_WRITTEN.search(query) is not None,
        code=_WRITE_CODE.search(query) is not None,
        number=_NUMBER_ASKED.search(query) is not None,
        units=asked_units(query),
        words=frozenset(_WORD.findall(query.lower())),
        numbers=frozenset(_NUMBER.findall(query.replace(",", ""))),
    )
