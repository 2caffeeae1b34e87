r"""The part of an answer that says the result: `So it costs \boxed{\$18}.` says `\$18`.

The same reading is used for the expected answer, which may be a whole worked solution.
"""

# ruff: noqa: RUF001 (people write these characters)

import re
import unicodedata
from typing import Final

from schema.values import without_politeness

#: Longest end of an answer that is searched for its result, characters.
TAIL: Final = 4_000

_TOKEN = re.compile(r"<\|[\w ]{1,40}\|>|</s>|[\u200b-\u200f\u2060\ufeff\u202a-\u202e]")
_TAG = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?=\{)")
_OLD_BOX = re.compile(r"\\boxed\s+([^\s{}$]+)")
_MARKER = re.compile(r"(?<!#)####(?!#)[ \t]*(\S[^\n]*)")
_MARK = re.compile(
    r"(?:\b(?:final|correct|right)\s+)?\b(?:answer|result|solution)\b"
    r"(?:[ \t]+to[ \t][^\n.:]{1,80}?)?"
    r"[*_`\s]*(?:\bis\b|\bwas\b|\bare\b|\bwould be\b|\bequals\b|[:=：])[*_`\s]*(?:[:=：][*_`\s]*)?"
    r"|(?:答案|答)(?:是|为)?\s*[:：]?\s*",
    re.IGNORECASE,
)
_DISPLAY = re.compile(r"\\\[(.+?)\\\]|\$\$(.+?)\$\$", re.DOTALL)
_SENTENCE_END = re.compile(r"(?:(?<=[^\W\d_])[.!?]|(?<=[\d)}\]$%*])[.!?])(?=\s+[A-Z\"(\\$*])|\n")
_JOINT = re.compile(r"[\s$,;.]*(?:\b(?:and|or)\b|,|;)[\s$]*(?:x\s*=\s*)?")
_MINUS: Final = dict.fromkeys(map(ord, "\u2212\u2013\u2010\u2011\ufe63\uff0d"), "-")


def final_answer(text: str) -> str:
    """What `text` says in the end; empty when its box or tag was never closed, or holds nothing."""
    text = plain_characters(text[-TAIL:] if len(text) > TAIL else text).strip()
    text = without_politeness(text)
    if tags := _TAG.findall(text):
        text = tags[-1].strip()
    if (boxed := _boxed(text)) is not None:
        return boxed
    if markers := _MARKER.findall(text):
        return markers[-1].strip()
    if marks := [mark for mark in _MARK.finditer(text) if text[mark.end() :].strip()]:
        return _first_sentence(text[marks[-1].end() :])
    if (displays := list(_DISPLAY.finditer(text))) and not re.search(
        r"\w", text[displays[-1].end() :]
    ):
        return (displays[-1][1] or displays[-1][2]).strip()
    return _last_sentence(text)


def plain_characters(text: str) -> str:
    """`text` with the digits, signs and letters of ASCII where another form says the same."""
    text = _TOKEN.sub("", unicodedata.normalize("NFC", text)).translate(_MINUS)
    return text if text.isascii() else "".join(map(_plain, text))


def _plain(character: str) -> str:
    if 0xFF01 <= ord(character) <= 0xFF5E:
        return chr(ord(character) - 0xFEE0)
    if character in "\u00a0\u2009\u202f\u3000":
        return " "
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _boxed(text: str) -> str | None:
    """What the last box holds, with the boxes that it is joined to by `and`, `or` or a comma."""
    spans: list[tuple[int, int, str]] = []
    for start in _BOX.finditer(text):
        end = closing_brace(text, start.end())
        if end is None:
            return ""
        spans.append((start.start(), end, text[start.end() + 1 : end - 1].strip()))
    if not spans:
        old = _OLD_BOX.findall(text)
        return old[-1] if old else None
    parts, (first, _, last) = [spans[-1][2]], spans[-1]
    for begin, end, held in reversed(spans[:-1]):
        if not _JOINT.fullmatch(text[end:first]) or held == last:
            break
        parts.insert(0, held)
        first = begin
    return ", ".join(parts)


def closing_brace(text: str, start: int) -> int | None:
    """Where the group that opens at `start` has ended, or None."""
    depth = 0
    for place in range(start, len(text)):
        if text[place] in "{}" and (place == 0 or text[place - 1] != "\\"):
            depth += 1 if text[place] == "{" else -1
            if depth == 0:
                return place + 1
    return None


def _first_sentence(text: str) -> str:
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0].strip()


def _last_sentence(text: str) -> str:
    sentences = [part for part in _SENTENCE_END.split(text) if re.search(r"\w|[∞π]", part)]
    return sentences[-1].strip() if sentences else text.strip()
