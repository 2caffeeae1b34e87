r"""Where an answer's conclusion is in its text: in a box, in tags, after "the answer is"."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Final

_SAYS = re.compile(r"[^\W_]|∞|∅")
_END_TOKEN = re.compile(
    r"(?:\s*(?:<\|(?:im_end|endoftext|end_of_text|eot_id|end|return|eom_id|eos)\|>|</s>|<eos>|"
    r"<end_of_turn>|<｜end▁of▁sentence｜>|\[/?INST\]|<pad>|\[PAD\]))+\s*\Z"
)
_BOXED = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_BRACE = re.compile(r"[{}]")
_JOINED_BOXES = re.compile(
    r"[\s$.,;]*(?:\\[()\[\]])?[\s$]*(?:,|and|or|;)?[\s$]*(?:\\[()\[\]])?[\s$]*", re.I
)
_TAGGED = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
_HASHES = re.compile(r"(?<!#)####(?!#)[^\S\n]*(\S[^\n]*)")
_MARKED = re.compile(
    r"(?:\b(?:answer|result|solution|total)\b\**\s*"
    r"(?:(?:is|was|are|would be|will be|equals)\b|:|=|：)"
    r"|\b(?:therefore|thus|so|hence),?\s+the\s+\w+(?:\s+\w+){0,6}\s+is\b"
    r"|(?:答案|结果)(?:是|为|：|:))\s*:?\**\s*",
    re.IGNORECASE,
)
#: What they begin with, in lower case.
_MARKS = re.compile(
    r"\b(?:answer|result|solution|total)\b|\b(?:therefore|thus|so|hence),?\s+the\b|答案|结果"
)
#: Of these the ones by which a completion is split.
_STATED = re.compile(
    r"(?:\b(?:final answer|answer is|answer\b\**\s?:)|\*\*answer\*\*)"
    r"(?:\*\*)?[ ]?(?:is\b)?[ ]?[:=：]?(?:\*\*)?"
    r"|(?:答案|结果)(?:是|为|：|:)",
    re.IGNORECASE,
)
_COMMENT = re.compile(
    r"\s*\**(?:correct|right|wrong|incorrect|not|as follows|below|above|therefore|"
    r"reasonable|consistent|"
    r"shown|found|given|verified|clear|that)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?:[.!?]\s+(?=[A-Z\\*])|\n|。)")
_FINAL_HEADING = re.compile(r"\**#*\s*(?:final\s+)?answer\s*:?\**\s*:?\s*\n+", re.IGNORECASE)
_POLITE = re.compile(
    r"(?:i hope|hope (?:this|that)|let me know|feel free|please let|if you have any|thank|"
    r"is there anything|good luck|best regards|happy to help|would you like|do you)\b",
    re.IGNORECASE,
)
#: A last sentence of the same kind: `The answer is $42$. I hope it is correct.`
_LEAVE = re.compile(r"(?<=[.!?])[^\S\n]+(?:I hope|Hope|Let me know|Thank)\b[^.!?\n]*[.!?]?\s*\Z")
#: Fewest characters of a line of a grid.
_NARROWEST: Final = 3
#: At most so many boxes are read as one conclusion.
_MOST_BOXES: Final = 12


def last_boxed(text: str) -> tuple[str | None, bool]:
    """Content of the last closed box in `text`, and whether its last box was left open."""
    starts = _box_starts(text)
    if not starts:
        return None, False
    end = _box_end(text, starts[-1].end())
    return (None, True) if end is None else (text[starts[-1].end() : end], False)


def _box_starts(text: str) -> list[re.Match[str]]:
    return list(_BOXED.finditer(text)) if "box" in text else []


def boxed_conclusion(text: str) -> tuple[str | None, str, bool]:
    r"""The last box, what follows it in its line, and whether the last box was left open.

    Boxes that follow one another (`\boxed{2} and \boxed{3}`) are one conclusion: `2, 3`.
    """
    boxes: list[tuple[int, int, int]] = []
    is_open = False
    for match in _box_starts(text):
        end = _box_end(text, match.end())
        is_open = end is None
        if end is not None:
            boxes.append((match.start(), match.end(), end))
    if is_open or not boxes:
        return None, "", is_open
    first = len(boxes) - 1
    while first > 0 and len(boxes) - first < _MOST_BOXES:
        between = text[boxes[first - 1][2] + 1 : boxes[first][0]]
        if boxes[first - 1][2] > boxes[first][0] or not _JOINED_BOXES.fullmatch(between):
            break
        if not re.search(r",|;|and|or", between):
            break
        first -= 1
    inside = ", ".join(text[start:end] for _, start, end in boxes[first:])
    return inside, text[boxes[-1][2] + 1 :].split("\n", 1)[0], False


def _box_end(text: str, start: int) -> int | None:
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return None


def says(text: str) -> bool:
    """Whether a text says anything: it has a letter, a digit, or a sign that is a value."""
    return _SAYS.search(text) is not None


def without_end_tokens(text: str) -> str:
    """`text` without the tokens of a chat template at its end."""
    return _END_TOKEN.sub("", text) if text.rstrip()[-1:] in (">", "]") else text


def tagged(text: str) -> str:
    """What the last `<answer>` tags, or a JSON object of nothing but an answer, hold; else `text`.

    End tokens are dropped.
    """
    if text[-1:] == ">":
        text = without_end_tokens(text)
    elif text[-1:] == "}" and '"answer"' in text:
        return _json_answer(text)
    if "<" not in text or "<answer>" not in text.lower():
        return text
    found = _TAGGED.findall(text)
    return found[-1] if found else text


def _json_answer(text: str) -> str:
    """The value of the only member `answer` of a JSON object; else the text."""
    try:
        made = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(made, dict) or made.keys() != {"answer"}:
        return text
    value = made["answer"]
    return value if isinstance(value, str) else json.dumps(value)


def marked(text: str, lower: str | None = None) -> str | None:
    """What the text says that its answer is, or None; `lower`: `lower_case(text)` if at hand."""
    hashes = _HASHES.search(text) if "####" in text else None
    if hashes:
        return hashes[1]
    lower = lower_case(text) if lower is None else lower
    if not _may_mark(lower):
        return None
    for match in reversed(list(matches_from(_MARKS, _MARKED, text, lower))):
        span = _grid(text, match.end()) or _SENTENCE_END.split(text[match.end() :], maxsplit=1)[0]
        span = span.strip()
        if span.strip("*:$ .\\[]()") and not _COMMENT.match(span):
            return span
        heading = text[match.end() :].strip()
        if not span.strip("*: ") and heading:
            return heading.split("\n\n", 1)[0]
    return None


def _may_mark(lower: str) -> bool:
    """Whether a text in lower case has what each match of `_MARKED` has."""
    if "answer" in lower or "result" in lower or "solution" in lower or "total" in lower:
        return True
    if "is" in lower and "the" in lower:
        return "so" in lower or "thus" in lower or "therefore" in lower or "hence" in lower
    return not lower.isascii() and ("答案" in lower or "结果" in lower)


def _grid(text: str, start: int) -> str | None:
    """The lines from `start` on that are as long as the first one, if there are two or more."""
    if "\n" not in text[start:]:
        return None
    lines = text[start:].split("\n")
    width = len(lines[0].strip())
    rows = list(itertools.takewhile(lambda line: len(line.strip()) == width, lines))
    return "\n".join(rows) if len(rows) > 1 and width >= _NARROWEST else None


def lower_case(text: str) -> str:
    """`text` in lower case, each character in its place."""
    return text.lower() if text.isascii() else text.replace("İ", "I").lower()


def matches_from(
    words: re.Pattern[str], pattern: re.Pattern[str], text: str, lower: str
) -> Iterator[re.Match[str]]:
    """All matches in `text` of a slow `pattern` that begins with one of `words`.

    The words are found fast, in `lower`: `lower_case(text)`.
    """
    end = 0
    for word in words.finditer(lower):
        if word.start() >= end:
            match = pattern.match(text, word.start())
            if match:
                end = match.end()
                yield match


def marker_spans(text: str) -> list[tuple[int, int]]:
    """Where the text says "the answer is" or the like: begin and end of these words."""
    lower = text.lower()
    if "answer" not in lower and "答案" not in lower and "结果" not in lower:
        return []
    return [match.span() for match in _STATED.finditer(text)]


def is_comment(text: str) -> bool:
    """Whether what follows "the answer is" is no answer: "correct", "as follows"."""
    return _COMMENT.match(text) is not None


def is_polite(line: str) -> bool:
    """Whether a line only takes leave: "I hope this helps!"."""
    return _POLITE.match(line.strip(" *_")) is not None


def without_politeness(text: str) -> str:
    """`text` without a heading "Final answer" and the closing lines that only take leave."""
    text = _FINAL_HEADING.sub("", text, count=1) if "nswer" in text[:40] else text
    lines = text.strip().split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or is_polite(lines[-1])):
        lines.pop()
    return without_leave("\n".join(lines))


def without_leave(text: str) -> str:
    """`text` without a last sentence that only takes leave, in the line of its answer."""
    return _LEAVE.sub("", text) if text[-1:] in (".", "!", "?") else text
