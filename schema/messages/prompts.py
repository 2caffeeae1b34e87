"""A query's text becomes messages again, where all of it was plain text."""

import re
from typing import Final

#: Roles whose messages can be restored from their text alone.
_ROLES: Final = ("system", "developer", "user", "assistant")
_MARKER = re.compile(r"^<\|(.*)\|>$", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(?=\\*<\|)", re.MULTILINE)


def prompt_messages(text: str) -> list[dict[str, str]] | None:
    """The messages that `query_text` wrote as `text`; a text without markers is a single user's.

    Returns:
        Messages with `role` and `content`. None: the prompt held tools, calls, images, reasoning
        or named speakers, which the text does not hold as a trainer needs them.
    """
    if re.match(r"<\|[^\n]*\|>(?:\n|\Z)", text) is None:
        return [{"role": "user", "content": text}]
    marks = list(_MARKER.finditer(text))
    if any(mark[1] not in _ROLES for mark in marks):
        return None
    ends = [mark.start() - 1 for mark in marks[1:]] + [len(text)]
    return [
        {"role": mark[1], "content": _ESCAPED.sub("", text[mark.end() + 1 : end])}
        for mark, end in zip(marks, ends, strict=True)
    ]
