"""Messages become texts: a prompt becomes the query's text, a completion becomes the reply.

Everything that a policy was shown is part of the query: system prompt, earlier turns, tools and
images. A single plain turn of the user is exactly its text. Anything else is written with a marker
line before each part, so that two prompts are one query only if they are the same prompt:

    <|tools|>
    [{"name":"add"}]
    <|system|>
    Be brief.
    <|user|>
    <|image 5f1c...|>
    What is this?
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from schema.answers import SplitCompletion, split_completion
from schema.errors import InputError
from schema.messages.media import Media, media_key
from schema.messages.tools import canonical_json, listed_tools, plain_list, written_calls
from schema.task import Text

#: Fields of a message, and types of a content part, that hold what was thought before speaking.
THINKING: Final = ("reasoning_content", "reasoning", "thinking")
_TEXT_PARTS: Final = (None, "text", "input_text", "output_text")
_IMAGE_PARTS: Final = ("image", "image_url", "input_image")
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,63}")
#: A line of a text that could be taken for a marker; it gets a backslash.
_LIKE_A_MARKER = re.compile(r"^(?=\\*<\|)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a completion says, and what came before it where messages tell the two apart."""

    text: str
    #: Other turns of the completion (tool calls and their results), written out.
    turns: str = ""
    #: What the last message of the assistant hands out as its reasoning.
    reasoning: str = ""

    def split(self) -> SplitCompletion:
        """Thinking and answer; a text is only divided where no reasoning is given."""
        said = (
            SplitCompletion(
                thinking=self.reasoning, answer=self.text, answer_given=bool(self.text.strip())
            )
            if self.reasoning
            else split_completion(self.text)
        )
        thinking = "\n".join(part for part in (self.turns, said.thinking) if part)
        return replace(said, thinking=thinking)

    def row(self) -> dict[str, Any]:
        """As columns of an input row: `completion`, and the others where they are known."""
        if not self.turns and not self.reasoning:
            return {"completion": self.text}
        said = self.split()
        return {
            "thinking": said.thinking,
            "completion": said.answer,
            "answer_given": said.answer_given,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    """The content of one message."""

    texts: tuple[str, ...]
    reasoning: str
    media: int
    #: Texts and media in order, media as markers.
    written: str

    @property
    def text(self) -> str:
        return "".join(self.texts)


def query_text(prompt: Text, tools: Any = None, images: Sequence[Any] = ()) -> str:
    """The text of the query that `prompt` is.

    Args:
        prompt: a text, or messages with `role` and `content`.
        tools: descriptions of the tools that the policy may call, or the same as JSON.
        images: those that the messages do not hold themselves, in order.

    Raises:
        InputError: if a message is none, or holds what has no text.
    """
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    turns = _with_images(_messages(prompt), images)
    tools = listed_tools(tools)
    if len(turns) == 1 and not tools:
        content = _content(turns[0], 0)
        if _is_plain_user(turns[0], content):
            return content.text
    head = f"<|tools|>\n{canonical_json(tools, 'tools')}\n" if tools else ""
    return head + _written(turns)


def normal_query(text: str) -> str:
    """`text` in NFC, trimmed: what one question from several tools has in common."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()


def reply_of(completion: Text) -> Reply:
    """What `completion`, a text or messages, says: its last message of the assistant.

    Raises:
        InputError: if a message is none, or holds what has no text.
    """
    if isinstance(completion, str):
        return Reply(text=completion)
    turns = _messages(completion)
    spoken = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
    if not spoken:
        return Reply(text="", turns=_written(turns))
    last = turns[spoken[-1]]
    content = _content(last, spoken[-1])
    calls = written_calls(last, {})
    parts = [content.written if content.media else content.text, *calls]
    others = [turn for turn in turns if turn is not last]
    return Reply(
        text="\n".join(part for part in parts if part),
        turns=_written(others),
        reasoning=content.reasoning,
    )


def _messages(value: object) -> list[Mapping[str, Any]]:
    value = [value] if isinstance(value, Mapping) else plain_list(value)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InputError(f"a value of type {type(value).__name__}: give a text or messages")
    for place, turn in enumerate(value):
        if not isinstance(turn, Mapping):
            raise InputError(
                f"message {place} is of type {type(turn).__name__}: give objects with `role` and "
                "`content`"
            )
        role = turn.get("role")
        if not isinstance(role, str) or not _ROLE.fullmatch(role):
            raise InputError(f"message {place} has no usable `role`: name it user, for example")
    return list(value)


def _with_images(turns: list[Mapping[str, Any]], images: Sequence[Any]) -> list[Mapping[str, Any]]:
    """Messages with `images` where they have placeholders, else before the first user's text.

    Images that the messages hold themselves are the same ones, so then `images` is not used.
    """
    parts = [part for turn in turns for part in _parts(turn) if _is_image(part)]
    if not images or any(_source(part) is not None for part in parts):
        return turns
    left = [{"type": "image", "image": image} for image in images]
    if parts and len(parts) != len(left):
        raise InputError(
            f"{len(left)} images for {len(parts)} places in the messages: give one each"
        )
    filled: list[Mapping[str, Any]] = []
    for turn in turns:
        given = [left.pop(0) if _is_image(part) else part for part in _parts(turn)]
        if left and not parts and turn["role"] == "user":
            given, left = [*left, *given], []
        filled.append({**turn, "content": given})
    return filled


def _parts(turn: Mapping[str, Any]) -> list[Any]:
    content = turn.get("content")
    if content is None:
        return []
    return [content] if isinstance(content, str | Mapping) else _listed(content)


def _listed(content: object) -> list[Any]:
    content = plain_list(content)
    if isinstance(content, bytes) or not isinstance(content, Sequence):
        raise InputError(
            f"`content` is of type {type(content).__name__}: give text, a list of parts, or null"
        )
    return list(content)


def _is_image(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in _IMAGE_PARTS


def _source(part: Mapping[str, Any]) -> Media | None:
    """What an image part shows: its first value that is no null."""
    names = (part["type"], *_IMAGE_PARTS, "url", "path", "base64", "bytes", "source")
    return next((part[name] for name in names if part.get(name) is not None), None)


def _content(turn: Mapping[str, Any], place: int) -> _Content:
    """Read the content and the reasoning of message `place`."""
    texts: list[str] = []
    written: list[str] = []
    media = 0
    reasoning = [turn[name] for name in THINKING if turn.get(name) is not None][:1]
    try:
        for part in _parts(turn):
            part = {"text": part} if isinstance(part, str) else part
            if not isinstance(part, Mapping):
                raise InputError(f"a content part of type {type(part).__name__}: give objects")
            kind = part.get("type")
            if kind in _TEXT_PARTS:
                if "text" not in part:
                    raise InputError("a content part has no `text`, and no `type` of another kind")
                texts.append(_string(part["text"], "text"))
                written.append(_escaped(texts[-1]))
            elif kind in THINKING:
                reasoning.append(part.get(kind) or part.get("text") or "")
            else:
                media += 1
                written.append(f"\n{_marker(part)}\n")
        return _Content(
            texts=tuple(texts),
            reasoning="\n".join(_string(text, "reasoning") for text in reasoning),
            media=media,
            written="".join(written).strip("\n") if media else "".join(written),
        )
    except InputError as error:
        raise InputError(f"message {place}: {error}") from None


def _marker(part: Mapping[str, Any]) -> str:
    """The text used for a part that is no text."""
    if not _is_image(part):
        return f"<|{_string(part['type'], 'type')} {media_key(part)}|>"
    source = _source(part)
    return "<|image|>" if source is None else f"<|image {media_key(source)}|>"


def _string(value: object, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"`{name}` is of type {type(value).__name__}: give text")
    return value


def _escaped(text: str) -> str:
    return _LIKE_A_MARKER.sub(r"\\", text)


def _is_plain_user(turn: Mapping[str, Any], content: _Content) -> bool:
    special = content.media or content.reasoning or turn.get("tool_calls") or turn.get("name")
    return turn["role"] == "user" and not special


def _written(turns: Sequence[Mapping[str, Any]]) -> str:
    """Messages in order, each after its marker; calls are numbered, since their ids are random."""
    lines: list[str] = []
    number_of: dict[str, int] = {}
    for place, turn in enumerate(turns):
        content = _content(turn, place)
        if content.reasoning:
            lines += [f"<|{turn['role']} thinking|>", _escaped(content.reasoning)]
        marks = [turn["role"]]
        if turn.get("name") is not None:
            marks.append(canonical_json(turn["name"], "name"))
        if turn.get("tool_call_id") is not None:
            marks.append(str(number_of.setdefault(str(turn["tool_call_id"]), len(number_of) + 1)))
        calls = written_calls(turn, number_of)
        lines += [f"<|{' '.join(marks)}|>"]
        lines += [content.written] if content.written or not calls else []
        lines += calls
    return "\n".join(lines)
