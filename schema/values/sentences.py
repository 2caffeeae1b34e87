"""Which texts surely are sentences and no values: they begin with words, and are no list of names.

Not all sentences are found. The others are read, and found to be no value at more cost.
"""

import re
from typing import Final

#: Words that may be left out before a value.
_IDLE: Final = frozenset(
    re.findall(
        r"\S+",
        "so therefore thus hence finally then now in total conclusion overall it this that the "
        "date day time point is was are equals exactly about approximately approx roughly around "
        "nearly almost simply just only indeed equal to a of",
    )
)
#: Words that a value may begin with, that are read as signs, or between two values.
_OF_VALUES: Final = frozenset(
    re.findall(
        r"\S+",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy "
        "eighty ninety hundred thousand million billion minus negative us usd eur gbp inr rs "
        "pi inf infinity oo and or",
    )
)
_TOKEN = re.compile(r"([A-Za-z]+)(?:'[a-z]+)?,?\s+")
_FUNCTION = re.compile(r"sqrt|frac|sin|cos|tan|log|exp")
#: An expression has no such word.
_LONG_WORD: Final = 4
_MOST_WORDS: Final = 12
#: A part of a list has no such word.
_CLAUSE = re.compile(
    r"(?<!\\)\b(?:is|are|was|were|has|have|had|will|can|there|which|we|he|she|it|the|this|that|in|"
    r"for|to|let's|if|since|respectively)\b",
    re.IGNORECASE,
)
#: Words and numbers without a sign between them.
_WORDS = re.compile(r"[A-Z][a-z']*,?(?: [A-Za-z\d$']+(?:\.\d+)?){4,}")
_FEWEST_WORDS: Final = 5
#: What is a relation, or becomes one in plain mathematics; what ends its first side at the latest.
_RELATES = re.compile(r"[=<>]|\\[lgn]")
_PLAIN_SIGN = re.compile(r"[=<>]")
_FIRST_SIGN = re.compile(r"[=<>\\]")
#: The left side of an equation that only names its right side.
LEFT_SIDE = re.compile(
    r"(?:[A-Za-zα-ω]|[A-Za-z]\s*\(\s*[A-Za-z]\s*\)|[A-Za-z]{3,}(?: [A-Za-z]+){0,4})'?"
)
#: What a number may be called, at more length.
LABEL = re.compile(rf"{LEFT_SIDE.pattern}|[A-Za-z]{{3,}}(?: [A-Za-z]+){{0,9}}")
_NO_LABEL = re.compile(r"[^A-Za-z'\s~]")


def is_prose(text: str) -> bool:
    """Whether a text as it is written, without line breaks, surely is a sentence."""
    start = _opening(text)
    if start < 0 or not text.isascii() or "\\cup" in text or "\\begin" in text:
        return False
    if ";" in text or ("," in text and not (_CLAUSE.search(text, start) or _runs(text, start))):
        return False
    if not _RELATES.search(text, start):
        return True
    sign = _FIRST_SIGN.search(text, start)
    return sign is not None and _NO_LABEL.search(text, start, sign.start()) is not None


def is_plain_prose(plain: str) -> bool:
    """Whether a text in plain mathematics surely is a sentence."""
    start = _opening(plain)
    if start < 0 or ";" in plain or "∪" in plain:
        return False
    if "," in plain and not _CLAUSE.search(plain, start):
        return False
    sign = _PLAIN_SIGN.search(plain)
    return sign is None or LABEL.fullmatch(plain[: sign.start()].rstrip()) is None


def _runs(text: str, start: int) -> bool:
    """Whether five words from `start` on follow one another without a sign."""
    run = _WORDS.match(text)
    words = text[start : run.end()].replace(",", "").split() if run else []
    return len(words) >= _FEWEST_WORDS and len(words[0]) > 1 and words[0].isalpha()


def _opening(text: str) -> int:
    """Where the first word that is not idle begins; -1: no long word comes before any sign."""
    place, start = 0, -1
    for _ in range(_MOST_WORDS):
        token = _TOKEN.match(text, place)
        if token is None:
            return -1
        word = token[1].lower()
        if word in _OF_VALUES:
            return -1
        if start < 0 and word not in _IDLE:
            start = place
        if start >= 0 and len(word) >= _LONG_WORD and not _FUNCTION.search(word):
            return start
        place = token.end()
    return -1
