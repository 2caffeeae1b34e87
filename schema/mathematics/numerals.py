"""Numbers in words: `twenty-five`, `三十`."""

import re
from typing import Final

_ONES: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SMALL: Final = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_LARGE: Final = {"thousand": 1_000, "million": 10**6, "billion": 10**9}
_CHINESE: Final = {c: v for v, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE_UNITS: Final = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
_NUMBER_WORDS: Final = frozenset([*_ONES, *_TENS, "hundred"])
#: First letters of all that a number in words begins with.
_FIRST_LETTERS: Final = frozenset(word[0] for word in (*_SMALL, "minus", "negative")) | {" ", "-"}
_WORD = re.compile(r"\w+")
#: Every sign of ASCII that is in no word becomes a space.
_BETWEEN: Final = {
    sign: chr(sign) if chr(sign).isalnum() or sign == ord("_") else " " for sign in range(128)
}


def number_words(text: str) -> list[str]:
    """The words of `text` that are numbers, as they are written."""
    if text.isascii() and _NUMBER_WORDS.isdisjoint(text.lower().translate(_BETWEEN).split()):
        return []
    return [word for word in _WORD.findall(text) if word.lower() in _NUMBER_WORDS]


def number_of_words(text: str) -> int | None:
    """The whole number that `text` says in words, and nothing else; else None."""
    if text.isascii():
        if text[:1].lower() not in _FIRST_LETTERS:
            return None
    elif all(c in _CHINESE or c in _CHINESE_UNITS for c in text):
        return _chinese(text)
    words = text.lower().replace("-", " ").replace(" and ", " ").split()
    if not words or len(words) > 12:
        return None
    if words[0] in ("minus", "negative"):
        number = _spelled(words[1:])
        return None if number is None else -number
    return _spelled(words)


def _spelled(words: list[str]) -> int | None:
    """The number that lower-case words spell, or None."""
    if not words:
        return None
    total, part, before = 0, 0, 1_000
    for word in words:
        value = _SMALL.get(word)
        if value is not None:
            # 25 is twenty five; five twenty and two three are no numbers.
            if before <= value or (before < 20) or (before < 100 and value >= 10):
                return None
            part, before = part + value, value if value else 1
        elif word == "hundred" and 0 < part < 10:
            part, before = part * 100, 1_000
        elif word in _LARGE and part:
            total, part, before = total + part * _LARGE[word], 0, 1_000
        else:
            return None
    return total + part


def _chinese(text: str) -> int | None:
    if not any(c in _CHINESE_UNITS for c in text):
        return int("".join(str(_CHINESE[c]) for c in text))
    total, digit = 0, 0
    for character in text:
        if character in _CHINESE:
            digit = _CHINESE[character]
        elif character == "万":
            total, digit = (total + digit) * 10_000, 0
        else:
            total, digit = total + (digit or 1) * _CHINESE_UNITS[character], 0
    return total + digit
