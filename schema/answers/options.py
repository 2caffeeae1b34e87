"""Multiple choice: the options that a query lists, and the one that an answer chooses."""

import re
from functools import lru_cache
from typing import Final

_OPTION = re.compile(r"(?m)^[ \t]*\(?([A-Z])[.):][ \t]+(\S.*)$")
_INLINE = re.compile(r"\(([A-H])\)\s*([^()\n]{1,120}?)(?=\s*\([A-H]\)|\s*$)")
_STATED = re.compile(
    r"(?:answer|option|choice)\s*(?:is|:|would be)?\s*:?\s*(?:option\s*)?[*$\\({\[]*"
    r"(?:text\{|boxed\{|textbf\{)*\(?([A-Z])(?![A-Za-z'])",
    re.IGNORECASE,
)
_BOXED = re.compile(r"boxed\s*\{\s*(?:\\text\w*\{)?\s*\(?([A-Z])(?![A-Za-z])")
_LEADING = re.compile(r"^[\s*$\\({\[\"'`]*([A-Z])(?=[.):,*\]}]|\s*$|\s*\n|\s+[^a-z\s])")
_LISTED = re.compile(r"(?<![A-Za-z'])\(?([A-Z])[.):](?=\s|$)")
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
#: An option of a text this long is not looked for word by word.
LONGEST_ANSWER: Final = 2000


@lru_cache(maxsize=4096)
def options_of(query: str) -> tuple[tuple[str, str], ...]:
    """(letter, text) of the options in `query`; () when it lists none from A on."""
    for pattern in (_OPTION, _INLINE):
        found = [(match[1], match[2].strip()) for match in pattern.finditer(query)]
        start = max((i for i, (letter, _) in enumerate(found) if letter == "A"), default=None)
        if start is None:
            continue
        listed = found[start:]
        length = 0
        while length < len(listed) and listed[length][0] == chr(ord("A") + length):
            length += 1
        if length >= 2:
            return tuple(listed[:length])
    return ()


def chosen_option(options: tuple[tuple[str, str], ...], answer: str) -> str | None:
    """Letter of the option that `answer` chooses: as stated, else by an option's own words."""
    letters = {letter for letter, _ in options}
    head = answer[:LONGEST_ANSWER]
    stated = [letter.upper() for letter in _BOXED.findall(head) + _STATED.findall(head)]
    for letter in reversed([letter for letter in stated if letter in letters]):
        return letter
    leading = _LEADING.match(head)
    if leading and leading[1] in letters:
        return leading[1]
    listed = [letter for letter in _LISTED.findall(head) if letter in letters]
    if len(set(listed)) == 1:
        return listed[0]
    return _option_in_words(options, head)


def _option_in_words(options: tuple[tuple[str, str], ...], answer: str) -> str | None:
    """Letter of the option whose words stand in `answer`; the longest of nested ones."""
    said = f" {' '.join(_WORD.findall(answer.lower()))} "
    held = []
    for letter, text in options:
        words = " ".join(_WORD.findall(text.lower()))
        if words and f" {words} " in said:
            held.append((len(words), letter, words))
    held.sort(reverse=True)
    if not held or (
        len(held) > 1 and not all(held[0][2] in f"{h[2]}" or h[2] in held[0][2] for h in held[1:])
    ):
        return None
    return held[0][1]
