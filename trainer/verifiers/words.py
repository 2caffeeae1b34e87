"""Whether a result is words, and the one number that a sentence says."""

import re
from typing import Final

from trainer.verifiers import quantities

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
#: What separates alternatives, or the items of a list.
ALTERNATIVE = re.compile(r"\s+(?:and|or)\s+|\\lor|\\vee|\\land|\\wedge")
_PROSE_NUMBER = re.compile(
    r"(?<![\w.,/^*+(-])(?:\\?\$|€|£)?-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?%?(?![\w^*/(+]|[.,:]\d)"
)
_CUT_OFF = re.compile(r"\\[a-z]*\s*$")
_SAID_LAST = re.compile(r"\b(?:is|are|was|equals)\s+((?:\\?\$|€|£)?-?\d[\d,]*(?:\.\d+)?%?)$")
_DOUBT = re.compile(
    r"\b(?:not|no|neither|nor|or|either|between|than|least|most|isn't|cannot|unless|if)\b|\?", re.I
)


def in_words(text: str) -> bool:
    """Whether `text` is words: a name, a sentence, no expression or quantity."""
    number, _ = quantities.split_unit(text)
    plain = _COMMAND.sub(" ", ALTERNATIVE.sub(", ", number))
    if quantities.time_of_day(text) is not None or quantities.compound(text) is not None:
        return False
    words = [word for word in _WORD.findall(plain) if word.lower() not in _MATH_WORDS]
    return bool(words) and (
        len(words) > 1 or len(words[0]) > 2 or not re.search(r"[\d^=+*/]", plain)
    )


def number_in_prose(sentence: str) -> str:
    """The one number that a sentence says, or what follows its last `=`; empty where unclear."""
    if _DOUBT.search(sentence):
        return ""
    if "=" in sentence:
        last = _CUT_OFF.sub("", sentence.rpartition("=")[2]).strip()
        return last if last and not in_words(last) else ""
    if last := _SAID_LAST.search(sentence):
        return last[1]
    numbers = {number.strip() for number in _PROSE_NUMBER.findall(sentence)}
    return numbers.pop() if len(numbers) == 1 and not _COMMAND.search(sentence) else ""
