"""The options of a query, made ready once for all answers to it."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from schema.answers.options import Options
from schema.mathematics import plain_text
from schema.values import undressed

_FRACTION = re.compile(r"\.\d")
#: What is between the words of a text without fractions.
_SPACES: Final = bytes([sign if chr(sign).isalnum() else ord(" ") for sign in range(128)] * 2)
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_VALUED = re.compile(
    r"[\d\\,=<>^]|[^\x00-\x7f]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|"
    r"twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|minus|negative|pi|inf\w*)\b",
    re.IGNORECASE,
)
_TEXT_COMMAND = re.compile(r"\\(?:text|math)\w*\s*\{([^{}]*)\}")
_SIGN = re.compile(r"[-+*/^<>=≥≤()]")
_QUOTES: Final = " \t\r\n.`\"'"
_NO_LETTER = r"(?![A-Za-z0-9'(])"
_IDLE: Final = frozenset(["a", "an", "the", "both", "of", "its", "it's", "it", "is", "are"])

#: An option's letter, and its words with a space around each.
Held = tuple[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionTable:
    """The options of a query by what an answer may say of them; each part is made when needed."""

    options: Options
    #: Text of each letter.
    texts: dict[str, str]
    #: Finds a letter of an option where it may be one that is chosen.
    letter: re.Pattern[str]

    @cached_property
    def longest(self) -> int:
        """Length of the longest text, as it is written."""
        return max([len(text) for _, text in self.options], default=0)

    @cached_property
    def words(self) -> list[Held]:
        """All words of each option."""
        said = [(letter, " ".join(all_words(text))) for letter, text in self.options]
        return [(letter, f" {words} ") for letter, words in said if words]

    @cached_property
    def telling_words(self) -> list[Held]:
        """The words of each option that say something."""
        said = [(letter, " ".join(telling_words(text))) for letter, text in self.options]
        return [(letter, f" {words} ") for letter, words in said if words]

    @cached_property
    def by_normal(self) -> dict[str, list[str]]:
        """Letters of the options with a `normal` text."""
        found: dict[str, list[str]] = {}
        for letter, text in self.options:
            found.setdefault(normal(text), []).append(letter)
        return found

    @cached_property
    def by_words(self) -> dict[tuple[str, ...], list[str]]:
        """Letters of the options with the same telling words."""
        found: dict[tuple[str, ...], list[str]] = {}
        for letter, text in self.options:
            found.setdefault(telling_words(text), []).append(letter)
        return found

    @cached_property
    def first_signs(self) -> frozenset[str]:
        """First sign of each `normal` text."""
        return frozenset([text[:1] for text in self.by_normal])

    @cached_property
    def valued(self) -> bool:
        """Whether a text may be a value."""
        return _VALUED.search(" ".join([text for _, text in self.options])) is not None

    @cached_property
    def labelled_texts(self) -> bool:
        """Whether a text begins like a label: `E. coli`."""
        return any([text[1:2] == "." for _, text in self.options])

    def same_text(self, span: str) -> list[str]:
        """Letters of the options whose `normal` text is that of `span`."""
        if span.isascii() and "\\" not in span and span[:1].casefold() not in self.first_signs:
            return []
        return self.by_normal.get(normal(span), [])

    def same_words(self, span: str) -> list[str]:
        """Letters of the options that have the telling words and the signs of `span`."""
        words = telling_words(span)
        letters = self.by_words.get(words) if words else None
        if not letters:
            return []
        its_signs = signs(span)
        return [letter for letter in letters if signs(self.texts[letter]) == its_signs]


@lru_cache(maxsize=4_096)
def table_of(options: Options) -> OptionTable:
    """The table of `options`."""
    letter = _letter_pattern(options[0][0], options[-1][0])
    return OptionTable(options=options, texts=dict(options), letter=letter)


def _telling(words: list[str]) -> tuple[str, ...]:
    return tuple([word for word in words if word not in _IDLE])


@lru_cache(maxsize=64)
def _letter_pattern(first: str, last: str) -> re.Pattern[str]:
    return re.compile(r"\d" if first.isdigit() else f"[{first}-{last}]{_NO_LETTER}")


def untexted(span: str) -> str:
    r"""`span` without `\\text{}` around its parts."""
    return _TEXT_COMMAND.sub(r"\1", span) if "\\" in span else span


def bare(span: str) -> str:
    """A text without the marks around it, unless it is nothing else: the option `**`."""
    return undressed(span) or span.strip(_QUOTES) or span.strip()


def normal(text: str) -> str:
    """A text for comparing: letter case, spaces and outer marks aside; signs stay."""
    plain = bare(untexted(plain_text(text))).casefold()
    return "".join((plain.rstrip(".,;:") or plain).split())


def all_words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    lower = text.lower()
    if lower.isascii() and not _FRACTION.search(lower):
        return lower.encode().translate(_SPACES).decode().split()
    return _WORD.findall(lower)


def telling_words(text: str) -> tuple[str, ...]:
    """The words of a text that say something, in lower case."""
    return _telling(all_words(text))


def signs(text: str) -> str:
    """The signs of mathematics in a text."""
    return "".join(_SIGN.findall(text.strip().strip(".")))
