r"""A completion in one piece becomes thinking and answer.

End tokens are dropped. The first rule that fits decides:

1. Harmony's channels: the last `final` message is the answer, what comes before is the thinking.
2. `<think>...</think>`: what the tags hold is the thinking, what follows the last one is the
   answer. Tags that never close are a completion that was cut off: it has no answer.
3. `<answer>...</answer>`: what the last tags hold.
4. `#### x`: the answer is `x`, the line's rest (GSM8K's format); the first one that a number
   follows where the policy continues with a next question.
5. The last `\boxed{...}`: the answer begins there and ends with its paragraph.
6. Code: the last program that defines something, in a fence or bare, whatever follows it.
7. "The answer is x", "Final answer: x" or the like: the answer is what follows.
8. A fenced block or display mathematics at the end.
9. The last line that says something: closing politeness is none.

By the last rule nothing marks the answer: `answer_given` is false then.
"""

import re
from dataclasses import dataclass
from typing import Final

from schema.answers.code import code_span
from schema.values import (
    is_comment,
    is_polite,
    marker_spans,
    without_end_tokens,
    without_leave,
)

_NEXT_TURN = re.compile(
    r"<\|im_start\|>(?:user|system)|<start_of_turn>user|<\|start_header_id\|>user"
)
_HARMONY = re.compile(r"<\|channel\|>\s*final\s*(?:<\|constrain\|>\w*\s*)?<\|message\|>")
_HARMONY_MARK = re.compile(r"<\|(?:channel|start|message|end|return|call)\|>")
_HARMONY_HEAD = re.compile(r"<\|(?:start|end)\|>(?:assistant)?|<\|channel\|>\s*\w+|<\|message\|>")
_THINK: Final = ("think", "thinking", "thought", "reasoning")
_CLOSED = re.compile(r"</(?:" + "|".join(_THINK) + r")>", re.IGNORECASE)
_OPENED = re.compile(r"<(?:" + "|".join(_THINK) + r")>", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKER = re.compile(r"(?<!#)####(?!#)[^\S\n]*(\S[^\n]*)?")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
#: A box's paragraph that goes on for more lines is not part of the answer.
_MOST_LINES: Final = 4
_OPENING = ("\\(", "\\[", "$$", "$")
_DISPLAY = re.compile(r"(?:\\\[((?:(?!\\\]).)*)\\\]|\$\$((?:(?!\$\$).)*)\$\$)[.\s]*\Z", re.DOTALL)
_LINES = re.compile(r"\\begin\{((?:align|equation|gather)(?:ed)?\*?)\}.*?\\end\{\1\}\Z", re.DOTALL)
_HEADING = re.compile(r"[A-Za-z ]+\d*\s*(?:[:.]|$)")


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitCompletion:
    """A completion in two parts, both stripped; one of them is empty where nothing tells."""

    thinking: str
    answer: str
    #: Whether a mark says what the answer is; if not, it is the last line, or there is none.
    answer_given: bool

    @classmethod
    def of(cls, thinking: str, answer: str, *, marked: bool) -> "SplitCompletion":
        """Both parts, stripped; an empty answer is never given."""
        answer = answer.strip()
        return cls(thinking=thinking.strip(), answer=answer, answer_given=marked and bool(answer))


def without_next_turn(text: str) -> str:
    """`text` up to where a turn of somebody else begins, by the marks of chat templates."""
    return _NEXT_TURN.split(text, maxsplit=1)[0] if "<" in text else text


def split_completion(text: str) -> SplitCompletion:
    """Divide a completion by the rules of this module."""
    text = without_end_tokens(without_next_turn(text)).strip()
    harmony = _by_channels(text)
    if harmony is not None:
        return SplitCompletion.of(*harmony, marked=True)
    before, answer = _by_thinking(text)
    if before and not answer.strip():
        return SplitCompletion.of(before, "", marked=False)
    parts = _by_mark(answer.strip())
    marked = parts is not None or bool(before.strip())
    thinking, answer = _after_thinking(answer) if before else parts or _by_line(answer.strip())
    said = [part for part in (before.strip(), thinking.strip()) if part]
    return SplitCompletion.of("\n".join(said), without_leave(answer.strip()), marked=marked)


def _by_channels(text: str) -> tuple[str, str] | None:
    """Thinking and answer of a completion in Harmony's channels, or None."""
    if "<|channel|>" not in text and "<|message|>" not in text:
        return None
    finals = list(_HARMONY.finditer(text))
    end = finals[-1].start() if finals else len(text)
    thinking = _HARMONY_HEAD.sub(" ", text[:end])
    if not finals:
        return thinking, ""
    return thinking, _HARMONY_MARK.split(text[finals[-1].end() :], maxsplit=1)[0]


def _by_thinking(text: str) -> tuple[str, str]:
    """What thinking tags hold, and what follows; all of it is thinking where one stays open."""
    if "<" not in text:
        return "", text
    closed = list(_CLOSED.finditer(text))
    start = closed[-1].end() if closed else 0
    opened = _OPENED.search(text, start)
    if opened:
        return _OPENED.sub("", text, count=1) if opened.start() == 0 else text, ""
    if not closed:
        return "", text
    thinking = text[: closed[-1].start()]
    opened = _OPENED.match(thinking)
    return thinking[opened.end() :] if opened else thinking, text[start:]


def _after_thinking(answer: str) -> tuple[str, str]:
    """After closed thinking all is answer, unless tags say which part of it."""
    return _by_answer_tags(answer) or ("", answer)


def _by_mark(text: str) -> tuple[str, str] | None:
    for rule in (
        _by_answer_tags,
        _by_marker,
        _by_box,
        _by_code,
        _by_phrase,
        _by_fence,
        _by_display,
    ):
        parts = rule(text)
        if parts is not None:
            return parts
    return None


def _by_answer_tags(text: str) -> tuple[str, str] | None:
    if "<answer>" not in text.lower():
        return None
    match = list(_ANSWER.finditer(text))[-1]
    return text[: match.start()], match[1]


def _by_marker(text: str) -> tuple[str, str] | None:
    if "####" not in text:
        return None
    found = [match for match in _MARKER.finditer(text) if match[1] and match[1].strip()]
    # A heading (`#### Step 1`) is no marker; the first number ends the answer to this question.
    plain = [match for match in found if not _HEADING.match(match[1])]
    chosen = next((match for match in plain if re.search(r"\d", match[1])), None)
    if chosen is None:
        chosen = found[-1] if found and not text[found[-1].end() :].strip() else None
    return None if chosen is None else (text[: chosen.start()], chosen[1])


def _by_box(text: str) -> tuple[str, str] | None:
    matches = list(_BOX.finditer(text))
    if not matches:
        return None
    start = matches[-1].start()
    for earlier in reversed(matches[:-1]):
        between = text[earlier.end() : start]
        if "\n\n" in between or len(between) > 200:
            break
        # `\boxed{2} and \boxed{3}`, or a box in a box.
        if re.fullmatch(r"[^{}\n]*\}?[\s$\\()\[\],;]*(?:and|or|,)?[\s$\\()\[\],;]*", between):
            start = earlier.start()
    end = _paragraph_end(text, matches[-1].start())
    if text.count("\n", matches[-1].start(), end) >= _MOST_LINES:
        end = text.index("\n", matches[-1].start())
    before = text[:start].rstrip()
    for opening in _OPENING:
        if before.endswith(opening):
            start = len(before) - len(opening)
            break
    return text[:start], text[start:end]


def _paragraph_end(text: str, start: int) -> int:
    end = text.find("\n\n", start)
    return len(text) if end < 0 else end


def _by_code(text: str) -> tuple[str, str] | None:
    span = code_span(text)
    return None if span is None else (text[: span[0]], text[span[0] : span[1]])


def _by_fence(text: str) -> tuple[str, str] | None:
    if not text.endswith("```"):
        return None
    start = text.rfind("```", 0, len(text) - 3)
    return (text[:start], text[start:]) if start >= 0 else None


def _by_phrase(text: str) -> tuple[str, str] | None:
    for start, end in reversed(marker_spans(text)):
        line_end = text.find("\n", end)
        line = text[end : len(text) if line_end < 0 else line_end]
        if line.strip("*: \t_") and not is_comment(line):
            tail = text[end : _paragraph_end(text, end)]
            return text[:start], tail
        if not line.strip("*: \t_") and line_end >= 0:
            rest = text[line_end:].lstrip()
            if rest:
                return text[:start], rest.split("\n\n", 1)[0]
    return None


def _by_display(text: str) -> tuple[str, str] | None:
    lines = text.split("\n")
    while lines and (not lines[-1].strip() or is_polite(lines[-1])):
        lines.pop()
    rest = "\n".join(lines)
    if rest.endswith("}") and (found := _LINES.search(rest, max(0, len(rest) - 2_000))):
        return rest[: found.start()], found[0]
    if rest[-2:] not in ("\\]", "$$"):
        return None
    match = _DISPLAY.search(rest, max(0, len(rest) - 2_000))
    return None if match is None else (rest[: match.start()], match[0])


def _by_line(text: str) -> tuple[str, str]:
    """The last line that says something is the answer."""
    lines = text.split("\n")
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or is_polite(lines[end - 1])):
        end -= 1
    answer = lines[end - 1]
    if is_comment_line(answer):
        for place in range(end - 2, -1, -1):
            if lines[place].strip():
                answer, end = lines[place], place + 1
                break
    return "\n".join(lines[: end - 1]), answer


def is_comment_line(line: str) -> bool:
    """Whether a line only says that the answer is right."""
    return (
        re.search(r"\b(?:answer|result|solution) is (?:correct|right|verified)\b", line, re.I)
        is not None
    )
