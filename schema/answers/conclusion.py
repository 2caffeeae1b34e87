"""What an answer concludes, as a key: answers of one query that say the same get the same key.

Agreement between the answers of a query is the strongest sign of correctness that needs no label,
and it is only as good as this normalisation. Everything here is plain text work: no code of a
rollout is ever run, nothing depends on other rollouts, and no text makes it raise.
"""

import re
from typing import Final

from schema.answers.code import code_key, has_code
from schema.answers.options import chosen_option, options_of
from schema.answers.values import NUMBER_WORDS, canonical_value, last_number

#: Longest part of a text that is looked at: conclusions stand at the end.
TAIL: Final = 4000
#: Longest free-text conclusion; longer ones never agree to the letter and get no key.
LONGEST_TEXT: Final = 160

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_MARKED = re.compile(
    r"(?:####|\b(?:final |correct |right )?(?:answer|result|solution)\s*(?:is|was|:|=|would be)"
    r"|\btherefore,?\s+the\s+\w+(?:\s+\w+){0,6}\s+is\b)\s*:?\s*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?:[.!?]\s+(?=[A-Z\\])|\n)")
_QUOTED = re.compile(r"[\"“`']([^\"“”`'\n]{1,80})[\"”`']")
_CLOCK = re.compile(r"(?:\d+\s*days?,?\s*)?\d{1,3}:\d{2}(?::\d{2}(?:\.\d+)?)?")
_LIST = re.compile(r"\[[^\[\]\n]{0,400}\]")
_NUMBER_WORD = re.compile(r"\b(" + "|".join(NUMBER_WORDS) + r")\b", re.IGNORECASE)
_CODE_QUERY = re.compile(r"\bassert\b|\bpython\b|\bfunction\b|\bdef\b|```|\bprogram\b", re.I)


def conclusion_key(query: str, thinking: str, answer: str, domain: str) -> str | None:
    """Canonical key of what `answer` concludes, or None when it concludes nothing readable.

    The kind of conclusion is read off the texts: an option of a query that lists options, code
    for a query that asks for it, else a value (number, expression, list, time) or a short text.
    `domain` only breaks the tie for code without any sign of it in the query.

    Returns:
        `option:B`, `code:<hash>`, `value:<canonical>`, `list:…`, `text:…`; or None.
    """
    options = options_of(query)
    if options:
        letter = chosen_option(options, answer) or chosen_option(options, _last_line(thinking))
        return None if letter is None else f"option:{letter}"
    if has_code(answer) and (domain == "code" or _CODE_QUERY.search(query[-TAIL:])):
        return code_key(answer)
    if domain == "code":
        return None
    return value_key(answer[-TAIL:], thinking[-TAIL:])


def value_key(answer: str, thinking: str) -> str | None:
    """Key of a free-form answer: the boxed value, the marked one, or the last thing said."""
    boxed, open_box = last_boxed(answer)
    if boxed is None and not open_box and not re.search(r"\w", answer):
        boxed, open_box = last_boxed(thinking)
    if boxed is not None:
        return _span_key(boxed)
    if open_box:
        return None
    marks = list(_MARKED.finditer(answer))
    if marks:
        span = _SENTENCE_END.split(answer[marks[-1].end() :], maxsplit=1)[0]
        key = _span_key(span)
        if key is not None:
            return key
    return _span_key(answer)


def last_boxed(text: str) -> tuple[str | None, bool]:
    """Content of the last closed box in `text`, and whether its last box was left open."""
    starts = [match.end() for match in _BOXED.finditer(text)]
    if not starts:
        return None, False
    depth = 1
    for place in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[starts[-1] : place], False
    return None, True


def _span_key(span: str) -> str | None:
    """Key of the part of an answer that holds its conclusion."""
    span = span.strip()
    lists = _LIST.findall(span)
    if lists:
        return _list_key(lists[-1])
    clocks = _CLOCK.findall(span)
    if clocks:
        return "text:" + re.sub(r"[\s,]+", " ", clocks[-1]).lower()
    value = canonical_value(span)
    if value is not None:
        return f"value:{value}"
    quoted = _QUOTED.findall(span)
    if quoted and not any(character.isdigit() for character in span):
        return _text_key(quoted[-1])
    if span.count(",") >= 2 and len(span) <= LONGEST_TEXT and "." not in span[:-1]:
        items = span.rsplit(":", 1)[-1]
        if all(item.count(" ") <= 3 for item in items.split(",")):
            return _list_key(items)
    number = last_number(span)
    if number is not None:
        return f"value:{number}"
    words = _NUMBER_WORD.findall(span)
    if words:
        return f"value:{NUMBER_WORDS[words[-1].lower()]}"
    return _text_key(span)


def _list_key(text: str) -> str | None:
    """Key of a list: its items in order, without quotes, brackets and spaces."""
    items = [item.strip(" \t'\"`[](){}.$\\*").lower() for item in text.split(",")]
    items = [canonical_value(item) or item for item in items if item]
    return "list:" + ",".join(items)[: 2 * LONGEST_TEXT] if items else None


def _text_key(text: str) -> str | None:
    """Key of a short free text: lower-case words only."""
    words = " ".join(re.findall(r"\w+", text.lower()))
    return f"text:{words}" if words and len(words) <= LONGEST_TEXT else None


def _last_line(text: str) -> str:
    """Last line of `text` that is not empty, its end at most."""
    lines = text[-TAIL:].strip().rsplit("\n", 1)
    return lines[-1][-300:]
