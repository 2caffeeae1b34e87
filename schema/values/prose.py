"""The one value that a sentence says: `So, she grew 17 trees.` says 17.

It is read only where the sentence holds one value and no word that changes what it says: with
"no", a month, "more" or a name that the query does not know, the sentence stays a text.
"""

import re
from typing import Final

from schema.mathematics import (
    COMPARING,
    SCALES,
    TELLING,
    named_unit,
    number_words,
    plain_mathematics,
    plain_text,
)
from schema.values.canonical import value_of
from schema.values.moments import moment
from schema.values.query import Asked

#: Longest sentence that is read.
LONGEST: Final = 400

_VALUE = re.compile(
    r"(?<![\w.,:])(?:"
    r"(?P<clock>\d{4}-\d\d?-\d\d?(?![-\d])|\d+:\d+(?![:\d])|(?:\d+\s*days?,?\s*)?\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*[AaPp]\.?[Mm]\b)?)"
    r"|(?P<list>\[[^\[\]\n]*\]|(?:(?<=is )|(?<=are )|(?<=: ))\([^()\n]*,[^()\n]*\))"
    r"|(?P<number>-?\s?[$€£]?\s?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?\s?[%°]?)"
    r")(?![\d:]|(?:st|nd|rd|th)\b)"
)
#: A number after one of these is part of an expression.
_OPERATORS: Final = ("^", "_", "*", "/", "+", "(", "{")
#: Every value has one of these.
#: At most so many characters of a value are before it.
_BEFORE: Final = 4
_VALUE_SIGN = re.compile(r"[\d\[(]")
_COMPARED = re.compile(
    r"\b(?:than|at (?:least|most)|up to|minimum of|maximum of|no more|over|under|all but|first|last"
    r"|next)\s*$",
    re.IGNORECASE,
)
#: A computation in words, and one with what is counted: `6 boxes * 4 dollars/box`.
_OPERATIONS: Final = {"plus": "+", "minus": "-", "times": "*"}
_SAID_OPERATION = re.compile(r"(?<=\d)\s+(plus|minus|times)\s+(?=\d)")
_COUNTED = re.compile(
    r"\s*\$?\d[\d.,]*(?:/\d+)?%?(?:\s+(?!and\b|or\b)[A-Za-z/]+){0,3}"
    r"(?:\s*(?:[-+*]|/(?=\s*\d))\s*\(?\$?\d[\d.,]*\)?(?:\s+(?!and\b|or\b)[A-Za-z/]+){0,3})+\s*"
)
_COMPUTED = re.compile(r"\d\s*[-+*/]\s*\(?\d")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
#: Words that begin a sentence with a capital letter and are no names.
_OPENING: Final = frozenset(
    [
        "so",
        "the",
        "thus",
        "therefore",
        "hence",
        "then",
        "there",
        "this",
        "that",
        "these",
        "it",
        "he",
        "she",
        "they",
        "we",
        "i",
        "in",
        "on",
        "at",
        "after",
        "since",
        "because",
        "finally",
        "total",
        "each",
        "if",
        "by",
        "to",
        "for",
        "now",
        "as",
        "answer",
        "result",
        "his",
        "her",
        "their",
        "you",
        "and",
        "final",
        "an",
        "a",
        "with",
        "when",
        "all",
        "our",
        "here",
        "is",
        "let",
        "its",
        "what",
    ]
)


def said_value(text: str, asked: Asked) -> str | None:
    """Key of the one value that the sentence `text` says, or None."""
    if len(text) > LONGEST:
        return None
    if text.isascii() and not (_VALUE_SIGN.search(text) or number_words(text)):
        return None
    plain = plain_mathematics(plain_text(text)).replace("$", " $").strip()
    if "us " in plain or "times " in plain:
        plain = _SAID_OPERATION.sub(lambda match: f" {_OPERATIONS[match[1]]} ", plain)
    before, equals, after = plain.rpartition("=")
    if equals and not _steps(before):
        return None
    sentence = after if equals else plain
    sign = _VALUE_SIGN.search(sentence)
    found = list(_VALUE.finditer(sentence, max(0, sign.start() - _BEFORE))) if sign else []
    words = [word for word in number_words(sentence) if word.lower() not in ("one", "zero")]
    if found:
        words = [word for word in words if word.lower() not in asked.words]
    if len(found) > 1:
        found = [match for match in found if not _given(match[0], asked)]
    if len(found) > 1 and len({match[0].strip() for match in found}) == 1:
        found = found[:1]
    if len(found) + len(words) != 1:
        return None
    if words:
        place = sentence.index(words[0])
        value, end = words[0], place + len(words[0])
    else:
        place, end = found[0].span()
        value = found[0][0].strip()
    if _COMPARED.search(sentence[:place]) or sentence.startswith("!", end):
        return None
    if sentence[:place].rstrip().endswith(_OPERATORS):
        return None
    if _COMPUTED.search(before):
        before = before.lower()  # What is computed is the same whoever is named.
    rest = f"{before} {sentence[:place]} ; {sentence[end:]}"
    if not _plain_words(rest, sentence[end:], asked):
        return None
    return _key(value, sentence[end:], asked)


def _given(value: str, asked: Asked) -> bool:
    """Whether the query itself holds a value."""
    return value.strip(" $€£%°-").replace(",", "") in asked.numbers


def _steps(before: str) -> bool:
    """Whether the text before the last `=` is a computation, after some words at most."""
    parts = before.split("=")
    return all(
        not re.search(r"[A-Za-z]{2,}|,\s", part) or _COUNTED.fullmatch(part) for part in parts[1:]
    ) and not re.search(r"[<>≠!]|(?:^|\s)[a-z]\s*$", parts[0] if len(parts) > 1 else "")


def _key(value: str, after: str, asked: Asked) -> str | None:
    """Key of the value, with the unit that follows it where that must be kept."""
    unit = re.match(r"\s*[-\s]?([A-Za-z]+(?:/[a-z]+)?)", after)
    if _THOUSANDS.search(value):
        value = value.replace(",", "")
    if (unit and named_unit(unit[1]) is not None) or (unit and unit[1].lower() in SCALES):
        return value_of(f"{value} {unit[1]}", asked)
    if ":" in value:
        return moment(value) or "text:" + " ".join(value.lower().replace(",", " ").split())
    return value_of(value, asked)


def _plain_words(rest: str, after: str, asked: Asked) -> bool:
    """Whether no word changes what the value says."""
    if re.search(r"[*/+^<>≥≤≠√π∞%]", after) or re.search(r"[<>≠√π∞±|]|\\[a-z]", rest):
        return False
    for match in _WORD.finditer(rest):
        word = match[0]
        lower = word.lower().removesuffix("'s")
        if lower in asked.words or (named_unit(lower) is not None and lower not in TELLING):
            continue
        if lower in TELLING and lower not in COMPARING:
            return False
        if len(word) == 1 and lower not in ("a", "i", "x", "s"):
            return False
        if word[0].isupper() and lower not in _OPENING:
            return False
    return True
