"""Multiple choice: the option that an answer chooses, by its letter or by its own words."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from schema.answers.option_statements import stated_letter
from schema.answers.option_table import (
    Held,
    OptionTable,
    all_words,
    bare,
    normal,
    signs,
    table_of,
    telling_words,
    untexted,
)
from schema.answers.options import Options
from schema.mathematics import plain_text
from schema.values import (
    asked_of,
    boxed_conclusion,
    lower_case,
    marked,
    says,
    tagged,
    undressed,
    value_of,
)

#: Longest part of an answer, at its beginning and its end, in which a choice is looked for.
LONGEST: Final = 4_000
#: A text of this length may be an option's as a whole.
_SPAN: Final = 400
#: Such a text is at most so much longer than twice the longest option.
_LONGER: Final = 100
#: In an answer of this length the articles of an option's text may be missing.
_SHORT: Final = 30

_ALONE = re.compile(
    r"(?:option\s+|choice\s+)?[(\[{]?([A-Za-z]|\d{1,2})[)\]}]?[.:,;!]?", re.IGNORECASE
)
_LEADING = re.compile(
    r"[\s*_$`\"'(\[{]*(?:(?i:option|choice)\s+)?([A-Z]|\d{1,2})"
    r"(?P<mark>[*_\s]*(?:[)\]}.:,;](?!\d)|\s[-–]\s)|\s*$|\s*\n)"
)
#: A last sentence that is a letter.
_LAST_ALONE = re.compile(r"[.!?\n]\s+\**\(?([A-Z])\)?\**[.!]?\**\s*\Z")
#: `The answer is B.`; with more after it, the beginning of `the answer is B. the text of B`.
_SAYS_LETTER = re.compile(
    r"(?:[Tt]he )?(?:correct |right )?(?:answer|option|choice) is:? \(?([A-J])\)?\.?"
)
_SAYS_TEXT = re.compile(r"(?:[Tt]he )?(?:correct )?answer is:? ([A-J])[.:] ")
_LISTED = re.compile(r"(?<![A-Za-z'])\(?([A-Z])[.):](?=[\s\"*]|$)")
_LETTER_AND_TEXT = re.compile(
    r"[(\[*]*([A-Za-z]|\d{1,2})[)\]*]*(?:[.:)\-]|\s)\s*[*]*(.+)", re.DOTALL
)
_LEAD = re.compile(
    r"(?:the |so |thus |therefore |hence |,)*\s*(?:final |correct )?answer\s*(?:is|:)\s*",
    re.IGNORECASE,
)
_BULLET: Final = " \t-*•"
_MAY_BE_VALUE = re.compile(r"[\d\\]")
_SAID_LAST = re.compile(
    r"(?:\b(?:is|are|was|be|equals|gives?)\b|=)\s*"
    r"((?:about |approximately )?[-(\[$\\]*\d[^\n=]{0,60}?)[\s.*$]*$"
)
_SO_LISTED = re.compile(r"(?:\bso|;|thus|therefore|hence)[\s,]*\(([A-Z])\)[.\s]*$")


def chosen_option(options: Options, answer: str) -> str | None:
    """Letter of the option that `answer` chooses: as said last, else by its words."""
    return _choice(table_of(options), answer) if options else None


def _choice(table: OptionTable, answer: str) -> str | None:
    if len(answer) == 1:
        letter = answer.upper()
        if letter in table.texts and not _is_text(table, answer):
            return letter
    if answer[1:3] in (". ", ") ", ": "):
        # `B. the text of B`, which most answers are.
        text = table.texts.get(answer[0])
        if text is not None and answer[3:].strip().rstrip(".") == text.rstrip("."):
            return answer[0]
    if len(answer) > 2 * LONGEST:
        answer = _ends(answer)
    return _commonly_chosen(table, answer) or _chosen(table, answer)


def _commonly_chosen(table: OptionTable, answer: str) -> str | None:
    """The choice of an answer in one of the most common forms, found in the shortest way."""
    said = _SAYS_LETTER.fullmatch(answer) if len(answer) <= _SHORT else None
    if said:
        return said[1] if said[1] in table.texts else None
    said = _SAYS_TEXT.match(answer)
    if said:
        text = table.texts.get(said[1])
        same = text is not None and answer[said.end() :].rstrip(".") == text.rstrip(".")
        return said[1] if same and text and len(text) <= _SPAN // 2 else None
    if answer[:1] not in table.texts or answer[1:3] != ". " or "\\" in answer or "<" in answer:
        return None
    # `B. of another kind. It has leaves.`, where nothing else is a letter, or begins with one.
    if table.labelled_texts or not answer.isascii() or table.letter.search(answer, 1):
        return None
    lower = answer.lower()
    if "answer" in lower or "choice" in lower or "option" in lower or "letter" in lower:
        return None
    return answer[0]


def concluded_option(options: Options, thinking: str, answer: str) -> str | None:
    """The option of a rollout: its answer's, else that of the line before an explanation.

    Args:
        options: the query's.
        thinking: what comes before the answer.
        answer: what it was split into, which may be the last sentence of an explanation, or only
            what was around a box. Without any answer there is no option.
    """
    if not options:
        return None
    table = table_of(options)
    letter = _choice(table, answer)
    if letter is not None or not thinking or not answer.strip():
        return letter
    line = thinking[-LONGEST:].rstrip().rpartition("\n")[2]
    if not says(answer):
        return _choice(table, line[-_SPAN:])
    if len(line) > _SPAN:
        return None
    return _labelled(table, untexted(undressed(line.strip(_BULLET))))


def _labelled(table: OptionTable, line: str) -> str | None:
    """The option that a line is, its letter before its text."""
    both = _LETTER_AND_TEXT.match(line)
    text = table.texts.get(both[1].upper()) if both else None
    if both is None or text is None or len(both[2]) > 2 * len(text) + _LONGER:
        return None
    return both[1].upper() if normal(text) == normal(both[2]) else None


def _ends(answer: str) -> str:
    return answer[:LONGEST] + "\n" + answer[-LONGEST:]


def _is_text(table: OptionTable, answer: str) -> bool:
    return any([text.strip() == answer for text in table.texts.values()])


@lru_cache(maxsize=8_192)
def _chosen(table: OptionTable, answer: str) -> str | None:
    text = tagged(plain_text(answer)).strip()
    boxed = boxed_conclusion(text)[0] if "\\" in text else None
    if boxed is not None:
        letter = _resolved(table, boxed)
        if letter is not None:
            return letter
    if len(text) <= min(_SPAN, 2 * table.longest + _LONGER):
        letter = _resolved(table, text)
        if letter is not None:
            return letter
    lettered = table.letter.search(text) is not None
    lower = lower_case(text)
    stated = stated_letter(table, text, lower, lettered)
    if stated is not None:
        return stated
    leading = (_LAST_ALONE.search(text) or _LEADING.match(text)) if lettered else None
    if leading and leading[1] in table.texts:
        return leading[1]
    span = marked(text, lower)
    stated = None if span is None else _resolved(table, span)
    if stated is not None:
        return stated
    first = text.split("\n", 1)[0]
    return (
        (_resolved(table, first) if first != text or len(text) > _SPAN else None)
        or (_only_listed(table, text) if lettered else None)
        or _in_words(table, text)
        or _by_said_value(table, text)
    )


def _resolved(table: OptionTable, span: str) -> str | None:
    """The option that a short span is: its letter, its text, both, or a value equal to it."""
    span = bare(span)
    plain = untexted(span)
    if len(span) == 1 and span.upper() in table.texts and span not in table.texts.values():
        return span.upper()
    exact = table.same_text(span)
    if len(exact) == 1:
        return exact[0]
    alone = _ALONE.fullmatch(plain if plain is span else undressed(plain))
    if alone and alone[1].upper() in table.texts:
        return alone[1].upper()
    labelled = _labelled(table, plain)
    if labelled is not None or not span:
        return labelled
    lead = _LEAD.match(span)
    if lead:
        return _resolved(table, span[lead.end() :])
    leading = _LEADING.match(span)
    if (
        leading
        and leading["mark"].strip()
        and leading[1].isdigit() is table.options[0][0].isdigit()
    ):
        return None
    meant = table.same_words(span)
    return meant[0] if len(meant) == 1 else _by_value(table, span)


def _by_value(table: OptionTable, span: str) -> str | None:
    if len(span) > 80 or not _MAY_BE_VALUE.search(span) or not table.valued:
        return None
    value = value_of(span, asked_of(""))
    if value is None:
        return None
    equal = [letter for letter, text in table.options if _option_value(text) == value]
    return equal[0] if len(equal) == 1 else None


def _by_said_value(table: OptionTable, text: str) -> str | None:
    """The option whose value is the last thing that a text says: `its length is 12 km.`."""
    may_say = _MAY_BE_VALUE.search(text) and table.valued
    said = _SAID_LAST.search(text[-_SPAN:]) if may_say else None
    return None if said is None else _by_value(table, said[1])


@lru_cache(maxsize=8_192)
def _option_value(text: str) -> str | None:
    return value_of(text, asked_of(""))


def _only_listed(table: OptionTable, text: str) -> str | None:
    """The only letter that is written like an option's."""
    listed = {letter for letter in _LISTED.findall(text) if letter in table.texts}
    if len(listed) == 1:
        return listed.pop()
    last = _SO_LISTED.search(text) if text.rstrip(" .\t\r\n").endswith(")") else None
    return last[1] if last and last[1] in table.texts else None


def _in_words(table: OptionTable, answer: str) -> str | None:
    """The option whose words are in `answer`; the longest of nested ones."""
    head = answer[:LONGEST]
    held = _held(table, head, all_words(head), table.words)
    if held is None and len(head) <= _SHORT:
        held = _held(table, head, telling_words(head), table.telling_words)
    return held


def _held(
    table: OptionTable, answer: str, said_words: Sequence[str], options: list[Held]
) -> str | None:
    said = f" {' '.join(said_words)} "
    held = [(len(words), letter, words) for letter, words in options if words in said]
    held = [one for one in held if all(sign in answer for sign in signs(table.texts[one[1]]))]
    if len(held) > 1:
        held.sort(reverse=True)
        longest = held[0][2].strip()
        others = [words.strip() for _, _, words in held[1:]]
        if others[0] == longest or any(words not in longest for words in others):
            return None
    return held[0][1] if held else None
