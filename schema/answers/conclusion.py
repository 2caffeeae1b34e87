"""What an answer concludes, as a key: answers of one query that say the same get the same key.

Agreement between the answers of a query is the strongest sign of correctness that needs no label,
and it is only as good as this normalisation. Equal keys mean equal answers; where a text is not
surely a value, its key is as fine as the text. Everything here is plain text work: no code of a
rollout is ever run, nothing depends on other rollouts, and no text makes it raise.
"""

import re
from typing import Final

from schema.answers.choices import concluded_option
from schema.answers.code import has_code
from schema.answers.exact import EXACT_DOMAINS, exact_key
from schema.answers.options import options_of
from schema.answers.program_key import code_key
from schema.mathematics import named_unit
from schema.values import (
    Asked,
    asked_of,
    boxed_conclusion,
    marked,
    said_value,
    says,
    tagged,
    text_key,
    value_of,
    without_politeness,
)

#: Number of the rules by which keys are made; kept with every memory's keys.
KEYS_VERSION: Final = 4
#: Longest part of a text in which a box or "the answer is" is looked for: they are at the end.
TAIL: Final = 4_000

_SIMPLE = re.compile(r"\s*-?(?:0|[1-9][0-9]{0,17})\s*")
_BOX_FIRST = re.compile(r"\s*(?:\\[(\[]|\$*)?\s*\\boxed\{(-?[1-9][0-9]{0,17}|0)\}([^\n]*)")
_UNIT_AFTER = re.compile(r"[\s$]*(?:\\\))?[\s$]*((?:square |cubic )?([A-Za-z]+))\b")
_SENTENCE_END = re.compile(r"[.!?]\s+(?=[A-Z\\*])|\n+")
_ENDS = re.compile(r"[.!?]\s")
_SENTENCE = re.compile(r"[A-Za-z=\]]")
#: A last sentence that was cut off after a few words, before it said anything.
_CUT_OFF = re.compile(r"[A-Z][a-z]*(?: [A-Za-z]+){0,4}")
#: What an answer is said not to be: `54, not 56`.
_DENIED = re.compile(r"(?<=\d),\s+(?:not|rather than)\s[^,]*$")
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
        letter = concluded_option(options, thinking, answer)
        return None if letter is None else f"option:{letter}"
    if _SIMPLE.fullmatch(answer) and domain != "code":
        return "value:0" if answer.strip() == "-0" else f"value:{answer.strip()}"
    asked = asked_of(query)
    if asked.code and (domain == "code" or has_code(answer)):
        return code_key(answer)
    if domain in EXACT_DOMAINS:
        return exact_key(answer)
    return _boxed_whole(answer) or _key(answer, thinking, asked)


def _boxed_whole(answer: str) -> str | None:
    """Key of an answer that begins with its only box, of a whole number without a unit to keep."""
    box = _BOX_FIRST.match(answer) if answer.count("\\boxed") == 1 and "<" not in answer else None
    if box is None or (answer[-1] == "}" and '"answer"' in answer) or len(answer) > TAIL:
        return None
    unit = _UNIT_AFTER.match(box[2])
    return None if unit and named_unit(unit[2]) is not None else f"value:{box[1]}"


def _key(answer: str, thinking: str, asked: Asked) -> str | None:
    answer = tagged(answer)
    tail = answer[-TAIL:]
    boxed, after, is_open = boxed_conclusion(tail) if "\\" in tail else (None, "", False)
    if boxed is None and not is_open and answer.strip() and not says(answer):
        boxed, after, is_open = boxed_conclusion(thinking[-TAIL:])
    if boxed is not None:
        return _boxed_key(boxed, after, asked)
    if is_open:
        return None
    span = marked(tail)
    if span is not None:
        span = _DENIED.sub("", span)
        return value_of(span, asked) or said_value(span, asked) or text_key(span)
    answer = without_politeness(answer)
    if ", not " in answer or ", rather " in answer:
        answer = _DENIED.sub("", answer)
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
    if answer.isascii() and not ("\n" in answer or _ENDS.search(answer)):
        return said_value(answer, asked) if _SENTENCE.search(answer) else None
    sentences = _SENTENCE_END.split(answer)
    if len(sentences) > 1 and _CUT_OFF.fullmatch(sentences[-1]):
        sentences.pop()
    sentence = sentences[-1]
    if len(sentences) > 1 and not (_CONCLUDES.match(sentence) or asked.number):
        return None
    return said_value(sentence, asked) if _SENTENCE.search(sentence) else None
