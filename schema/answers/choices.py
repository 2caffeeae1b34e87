"""Multiple choice: the option that an answer chooses, by its letter or by its own words."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from schema.answers.canonical import value_of
from schema.answers.options import Options
from schema.answers.query import asked_of
from schema.answers.spans import boxed_conclusion, marked, tagged
from schema.answers.texts import undressed
from schema.mathematics import plain_text

#: Longest part of an answer, at its beginning and its end, in which a choice is looked for.
LONGEST: Final = 4_000
#: In an answer of this length the articles of an option's text may be missing.
_SHORT: Final = 30

_DRESS = r"(?:\\[(\[])?[\s*_$`\"'({\[]*(?:\\(?:text|math|boxed|fbox)\w*\s*\{\s*)*[\s*_$`\"'({\[]*"
_LETTER = r"(?P<letter>[A-Z]|\d{1,2})(?![A-Za-z0-9'(]|\s*(?:and|or|&)\s+\(?[A-Z]\b)"
_STATED = re.compile(
    r"(?:\b(?i:answer|choice|option|letter|solution|response)\b[\s*]*"
    r"(?i:is|was|would be|must be|should be|:|=|-)*[\s*:]*"
    r"(?i:(?:the\s+)?(?:indeed\s+)?(?:option|choice|letter)\s+)?"
    r"|(?i:\b(?:it is|it's|it must be|i (?:would )?(?:choose|chose|pick|select)|go with|"
    r"my choice|actually|therefore|thus|hence|so|is)[\s,:]+(?:option\s+|choice\s+)?)"
    r"|(?:答案|选择?|选项)(?:是|为|:)?\s*)" + _DRESS + _LETTER
)
_RIGHT = re.compile(
    r"(?<![A-Za-z'])\(?(?P<letter>[A-Z])\)?\s+(?i:is|seems|looks|must be)\s+(?:the\s+)?"
    r"(?i:right|correct|best|true|answer|only)\b"
)
_LOWER_STATED = re.compile(
    r"(?i:\b(?:answer|choice|option|letter)\b[\s*]*(?:is|:|=)*[\s*:]*)"
    + _DRESS
    + r"(?P<letter>[a-z])(?=[).\]}*]|\s*$)"
)
_NEGATED = re.compile(
    r"(?:\bnot|n't|\bneither|\bnor|\bnever|\brather than|\binstead of)[\s(*]*$", re.I
)
_ALONE = re.compile(
    r"(?:option\s+|choice\s+)?[(\[{]?([A-Za-z]|\d{1,2})[)\]}]?[.:,;]?", re.IGNORECASE
)
_LEADING = re.compile(
    r"[\s*_$`\"'(\[{]*(?:(?i:option|choice)\s+)?([A-Z]|\d{1,2})"
    r"(?P<mark>[*_\s]*(?:[)\]}.:,;](?!\d)|\s[-–]\s)|\s*$|\s*\n)"
)
_LISTED = re.compile(r"(?<![A-Za-z'])\(?([A-Z])[.):](?=[\s\"*]|$)")
_VERB = re.compile(r"\s+(?:is|was|because|since|as|seems|would|must|and|but|for|in|with)\b")
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_IDLE: Final = frozenset(["a", "an", "the", "both", "of", "its", "it's", "it", "is", "are"])


def chosen_option(options: Options, answer: str) -> str | None:
    """Letter of the option that `answer` chooses: as said last, else by its words."""
    if len(answer) == 1:
        letter = answer.upper()
        if any(letter == label for label, _ in options) and not _is_text(options, answer):
            return letter
    letter = answer[:1]
    if answer[1:3] in (". ", ") ", ": "):
        # `B. the text of B`, which most answers are.
        rest = answer[3:].strip().rstrip(".")
        if any(letter == label and rest == text.rstrip(".") for label, text in options):
            return letter
    return _chosen(options, answer if len(answer) <= 2 * LONGEST else _ends(answer))


def _ends(answer: str) -> str:
    return answer[:LONGEST] + "\n" + answer[-LONGEST:]


def _is_text(options: Options, answer: str) -> bool:
    return any(text.strip() == answer for _, text in options)


@lru_cache(maxsize=8_192)
def _chosen(options: Options, answer: str) -> str | None:
    text = tagged(plain_text(answer)).strip()
    boxed = boxed_conclusion(text)[0] if "\\" in text else None
    if boxed is not None:
        letter = _resolved(options, boxed)
        if letter is not None:
            return letter
    if len(text) <= 400:
        letter = _resolved(options, text)
        if letter is not None:
            return letter
    stated = _stated(options, text)
    if stated is not None:
        return stated
    leading = _LEADING.match(text)
    if leading and leading[1] in dict(options):
        return leading[1]
    span = marked(text)
    stated = None if span is None else _resolved(options, span)
    if stated is not None:
        return stated
    first = text.split("\n", 1)[0]
    return _resolved(options, first) or _only_listed(options, text) or _in_words(options, text)


def _stated(options: Options, text: str) -> str | None:
    """The letter of the last statement that an option is the answer."""
    letters = dict(options)
    found: list[tuple[int, str]] = []
    for pattern in (_STATED, _RIGHT, _LOWER_STATED):
        for match in pattern.finditer(text):
            letter = match["letter"].upper()
            if letter not in letters or _NEGATED.search(text, 0, match.start("letter")):
                continue
            after = text[match.end("letter") :]
            if after.lstrip(")*. ").startswith("?") or _is_article(letter, after, letters):
                continue
            found.append((match.start("letter"), letter))
    return max(found)[1] if found else None


def _is_article(letter: str, after: str, letters: dict[str, str]) -> bool:
    """Whether `A` before a word is the article, `I` the pronoun, or `E.` an initial."""
    if (
        re.match(r"\.\s[a-z]", after)
        and _words(letters[letter]) != _words(after)[: len(_words(letters[letter]))]
    ):
        return any(re.match(rf"{letter}\.\s", text) for text in letters.values())
    if letter not in ("A", "I") or not re.match(r"\s+[a-z]", after) or _VERB.match(after):
        return False
    own = _words(letters[letter])
    return not own or _words(after)[: len(own)] != own


def _resolved(options: Options, span: str) -> str | None:
    """The option that a short span is: its letter, its text, both, or a value equal to it."""
    span = undressed(span)
    said = _normal(span)
    exact = [letter for letter, text in options if _normal(text) == said]
    if len(exact) == 1:
        return exact[0]
    alone = _ALONE.fullmatch(undressed(re.sub(r"\\(?:text|math)\w*\s*\{([^{}]*)\}", r"\1", span)))
    if alone:
        letter = alone[1].upper()
        if letter in dict(options):
            return letter
    both = re.match(
        r"[(\[*]*([A-Za-z]|\d{1,2})[)\]*]*(?:[.:)\-]|\s)\s*[*]*(.+)", _untexted(span), re.S
    )
    if both:
        text = dict(options).get(both[1].upper())
        if text is not None and _normal(text) == _normal(both[2]):
            return both[1].upper()
    if not said:
        return None
    lead = re.sub(
        r"(?i)^(?:the |so |thus |therefore |hence |,)*\s*(?:final |correct )?answer\s*(?:is|:)\s*",
        "",
        span,
    )
    if lead != span:
        return _resolved(options, lead)
    leading = _LEADING.match(span)
    if leading and leading["mark"].strip():
        return None
    words = _words(span)
    meant = [
        letter
        for letter, text in options
        if words and _words(text) == words and _signs(text) == _signs(span)
    ]
    if len(meant) == 1:
        return meant[0]
    return _by_value(options, span)


def _by_value(options: Options, span: str) -> str | None:
    asked = asked_of("")
    value = value_of(span, asked) if len(span) <= 80 and re.search(r"[\d\\]", span) else None
    if value is None:
        return None
    equal = [letter for letter, text in options if _option_value(text) == value]
    return equal[0] if len(equal) == 1 else None


@lru_cache(maxsize=8_192)
def _option_value(text: str) -> str | None:
    return value_of(text, asked_of(""))


def _untexted(span: str) -> str:
    return re.sub(r"\\(?:text|math)\w*\s*\{([^{}]*)\}", r"\1", span)


@lru_cache(maxsize=16_384)
def _normal(text: str) -> str:
    """A text for comparing: letter case, spaces and outer marks aside; signs stay."""
    return re.sub(r"\s+", "", undressed(_untexted(plain_text(text))).casefold().rstrip(".,;:"))


@lru_cache(maxsize=16_384)
def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _IDLE)


def _signs(text: str) -> str:
    return "".join(re.findall(r"[-+*/^<>=≥≤()]", text.strip().strip(".")))


def _only_listed(options: Options, text: str) -> str | None:
    """The only letter that is written like an option's."""
    letters = dict(options)
    listed = {letter for letter in _LISTED.findall(text) if letter in letters}
    if len(listed) == 1:
        return listed.pop()
    last = re.search(r"(?:\bso|;|thus|therefore|hence)[\s,]*\(([A-Z])\)[.\s]*$", text)
    return last[1] if last and last[1] in letters else None


def _in_words(options: Options, answer: str) -> str | None:
    """The option whose words are in `answer`; the longest of nested ones."""
    head = answer[:LONGEST]
    held = _held(options, head, _WORD.findall)
    return held or (_held(options, head, _words) if len(head) <= _SHORT else None)


def _held(options: Options, answer: str, words_of: Callable[[str], Sequence[str]]) -> str | None:
    said = f" {' '.join(words_of(answer.lower()))} "
    held: list[tuple[int, str, str]] = []
    for letter, text in options:
        words = " ".join(words_of(text.lower()))
        if words and f" {words} " in said and all(sign in answer for sign in _signs(text)):
            held.append((len(words), letter, words))
    held.sort(reverse=True)
    if not held or any(words not in held[0][2] for _, _, words in held[1:]):
        return None
    if len(held) > 1 and held[1][2] == held[0][2]:
        return None
    return held[0][1]
