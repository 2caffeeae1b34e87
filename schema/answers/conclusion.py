"""What an answer concludes, as a key: answers of one query that say the same get the same key.

Agreement between the answers of a query is the strongest sign of correctness that needs no label,
and it is only as good as this normalisation. Equal keys mean equal answers; where a text is not
surely a value, its key is as fine as the text. Everything here is plain text work: no code of a
rollout is ever run, nothing depends on other rollouts, and no text makes it raise.
"""

import re
from typing import Final

from schema.answers.canonical import value_of
from schema.answers.choices import chosen_option
from schema.answers.code import has_code
from schema.answers.exact import EXACT_DOMAINS, exact_key
from schema.answers.options import options_of
from schema.answers.program_key import code_key
from schema.answers.prose import said_value
from schema.answers.query import Asked, asked_of
from schema.answers.spans import boxed_conclusion, marked, tagged, without_politeness
from schema.answers.texts import text_key
from schema.mathematics import named_unit

#: Number of the rules by which keys are made; kept with every memory's keys.
KEYS_VERSION: Final = 3
#: Longest part of a text in which a box or "the answer is" is looked for: they are at the end.
TAIL: Final = 4_000

_SIMPLE = re.compile(r"\s*-?(?:0|[1-9]\d{0,17})\s*")
_ONE_BOX = re.compile(
    r"\s*(?:\\[(\[]|\$*)?\s*\\boxed\{(-?[1-9]\d{0,17}|0)\}[\s.$]*(?:\\[)\]])?[\s.$]*"
)
_UNIT_AFTER = re.compile(r"[\s$]*(?:\\\))?[\s$]*((?:square |cubic )?([A-Za-z]+))\b")
_SAYS = re.compile(r"[^\W_]|∞|∅")
_SENTENCE_END = re.compile(r"[.!?]\s+(?=[A-Z\\*])|\n+")
_SENTENCE = re.compile(r"[A-Za-z=\]]")
_CONCLUDES = re.compile(
    r"\W*(?:so|thus|therefore|hence|in total|finally|in conclusion|this means|altogether)\b", re.I
)


def conclusion_key(query: str, thinking: str, answer: str, domain: str) -> str | None:
    """Canonical key of what `answer` concludes, or None when it concludes nothing readable.

    The kind of conclusion is read off the texts: an option of a query that lists options, code
    for a query that asks for it, else a value (number, expression, list, set) or a text.
    `domain` only breaks the tie for code without any sign of it in the query.

    Returns:
        `option:B`, `code:<hash>`, `value:<canonical>`, `list:…`, `text:…` and the like; or None.
    """
    options = options_of(query)
    if options:
        letter = chosen_option(options, answer) or chosen_option(options, _last_line(thinking))
        return None if letter is None else f"option:{letter}"
    if _SIMPLE.fullmatch(answer) and domain != "code":
        return "value:0" if answer.strip() == "-0" else f"value:{answer.strip()}"
    asked = asked_of(query)
    if asked.code and (domain == "code" or has_code(answer)):
        return code_key(answer)
    if domain in EXACT_DOMAINS:
        return exact_key(answer)
    box = _ONE_BOX.fullmatch(answer)
    return f"value:{box[1]}" if box else _key(answer, thinking, asked)


def value_key(answer: str, thinking: str) -> str | None:
    """Key of a free-form answer: the boxed value, the marked one, or the last thing said."""
    return _key(answer, thinking, asked_of(""))


def _key(answer: str, thinking: str, asked: Asked) -> str | None:
    answer = tagged(answer)
    tail = answer[-TAIL:]
    boxed, after, is_open = boxed_conclusion(tail) if "\\" in tail else (None, "", False)
    if boxed is None and not is_open and not _SAYS.search(answer):
        boxed, after, is_open = boxed_conclusion(thinking[-TAIL:])
    if boxed is not None:
        return _boxed_key(boxed, after, asked)
    if is_open:
        return None
    span = marked(tail)
    if span is not None:
        return value_of(span, asked) or said_value(span, asked) or text_key(span)
    answer = without_politeness(answer)
    return value_of(answer, asked) or _said(answer, asked) or text_key(answer)


def _boxed_key(boxed: str, after: str, asked: Asked) -> str | None:
    """Key of a box's content, with a unit behind the box that must be kept."""
    inner, _, _ = boxed_conclusion(boxed) if "\\boxed" in boxed else (None, "", False)
    boxed = inner if inner is not None else boxed
    unit = _UNIT_AFTER.match(after)
    if unit and named_unit(unit[2]) is not None:
        with_unit = value_of(f"{boxed} {unit[1]}", asked)
        bare = value_of(boxed, asked)
        if with_unit is not None and bare is not None and with_unit.startswith(f"{bare} "):
            return with_unit
    return value_of(boxed, asked) or said_value(boxed, asked) or text_key(boxed)


def _said(answer: str, asked: Asked) -> str | None:
    """Key of the value that an answer in sentences says: its only one, or the concluding one's."""
    if len(answer) > TAIL:
        return None
    answer = answer.strip()
    last = 0
    for end in _SENTENCE_END.finditer(answer):
        last = end.end()
    sentence = answer[last:]
    if last and not (_CONCLUDES.match(sentence) or asked.number):
        return None
    return said_value(sentence, asked) if _SENTENCE.search(sentence) else None


def _last_line(text: str) -> str:
    """Last line of `text` that is not empty, its end at most."""
    lines = text[-TAIL:].strip().rsplit("\n", 1)
    return lines[-1][-300:]
