r"""A completion in one piece becomes thinking and answer.

The first rule that fits decides:

1. `<think>...</think>`: what the tags hold is the thinking, what follows is the answer. Tags that
   never close are a completion that was cut off: all of it is thinking.
2. `#### x` with a single line after it: the answer is `x` (GSM8K's format).
3. `\boxed{...}` within the last lines: the answer begins there.
4. "The answer is x", "Final answer: x" in the last paragraph: the answer is what follows.
5. A fenced code block at the end: the answer is the block.
6. The last line that is not empty is the answer.
"""

import re
from typing import Final

#: A boxed result further from the end than this many lines is an intermediate one.
TAIL_LINES: Final = 6

_MARKER = re.compile(r"(?<!#)####(?!#)")
_PHRASE = re.compile(
    r"\b(?:final answer|answer is|answer:)(?:\*\*)?[ ]?(?:is\b)?[ ]?[:=]?(?:\*\*)?", re.I
)
_OPENING = ("\\(", "\\[", "$$", "$")
_FENCE = "```"


def split_completion(text: str) -> tuple[str, str]:
    """Return (thinking, answer), both stripped; one of them is empty where nothing tells."""
    text = text.strip()
    for rule in (_by_tags, _by_marker, _by_box, _by_phrase, _by_fence):
        parts = rule(text)
        if parts is not None:
            return parts[0].strip(), parts[1].strip()
    thinking, _, answer = text.rpartition("\n")
    return thinking.strip(), answer.strip()


def _by_tags(text: str) -> tuple[str, str] | None:
    before, close, answer = text.rpartition("</think>")
    if close:
        return before.removeprefix("<think>"), answer
    if text.startswith("<think>"):
        return text.removeprefix("<think>"), ""
    return None


def _by_marker(text: str) -> tuple[str, str] | None:
    matches = list(_MARKER.finditer(text))
    if not matches:
        return None
    tail = text[matches[-1].end() :].strip()
    if not tail or "\n" in tail:
        return None
    return text[: matches[-1].start()], tail


def _by_box(text: str) -> tuple[str, str] | None:
    start = text.rfind("\\boxed")
    if start < 0 or text.count("\n", start) >= TAIL_LINES:
        return None
    before = text[:start].rstrip()
    for opening in _OPENING:
        if before.endswith(opening):
            start = len(before) - len(opening)
            break
    return text[:start], text[start:]


def _by_phrase(text: str) -> tuple[str, str] | None:
    paragraph = text.rfind("\n\n") + 1
    matches = list(_PHRASE.finditer(text, paragraph))
    if not matches:
        return None
    tail = text[matches[-1].end() :].strip()
    return (text[: matches[-1].start()], tail) if tail else None


def _by_fence(text: str) -> tuple[str, str] | None:
    if not text.endswith(_FENCE):
        return None
    start = text.rfind(_FENCE, 0, len(text) - len(_FENCE))
    return (text[:start], text[start:]) if start >= 0 else None
