"""Where two texts differ, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

#: Words of each text that are compared; what follows is shown as it is.
MOST_WORDS: Final = 4_000
#: A word with the spaces after it; spaces at the beginning are one, too.
_WORD: Final = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a text."""

    text: str
    #: Whether the other text has something else there.
    differs: bool


def differences_of(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces: what they share, and where they differ."""
    words_left, rest_left = _words(left)
    words_right, rest_right = _words(right)
    # Words that are everywhere do not begin a match (difflib's `autojunk`), or texts that repeat
    # one word would take minutes.
    matcher = SequenceMatcher(None, _bare(words_left), _bare(words_right))
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    for tag, i, j, k, m in matcher.get_opcodes():
        for side, words in zip(pieces, (words_left[i:j], words_right[k:m]), strict=True):
            if words:
                side.append(Piece(text="".join(words), differs=tag != "equal"))
    for side, rest in zip(pieces, (rest_left, rest_right), strict=True):
        if rest:
            side.append(Piece(text=rest, differs=False))
    return pieces


def _words(text: str) -> tuple[list[str], str]:
    """The first words of a text, and the rest of it."""
    words: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        if len(words) == MOST_WORDS:
            break
        words.append(match[0])
        end = match.end()
    return words, text[end:]


def _bare(words: Sequence[str]) -> list[str]:
    """The words without their spaces: a line that is broken elsewhere is no difference."""
    return [word.strip() for word in words]
