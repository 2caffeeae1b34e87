"""Which completions a memory can hold, and their scores put back in place."""

from collections.abc import Mapping, Sequence
from typing import Any

from schema.answers import split_completion
from schema.errors import InputError
from schema.score import Score
from schema.validation import check_text

#: A row of the input format.
Row = Mapping[str, Any]


def says_something(completion: str, thinking: str | None = None) -> bool:
    """Whether a memory can hold a completion: it has text, none too long or broken.

    Args:
        completion: what a policy wrote; without its thinking, where that is apart.
        thinking: None: it is in the completion.
    """
    if thinking is None:
        parts = split_completion(completion)
        thinking, completion = parts.thinking, parts.answer
    try:
        check_text(thinking, "thinking")
        check_text(completion, "answer")
    except InputError:
        return False
    return bool(thinking.strip() or completion.strip())


def said(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Places of the rows whose `completion` a memory can hold."""
    return [
        place
        for place, row in enumerate(rows)
        if says_something(row["completion"], row.get("thinking"))
    ]


def in_place(scores: Sequence[Score], places: Sequence[int], count: int) -> list[Score | None]:
    """The scores at their places among `count` rows; None where there is none."""
    score_of = dict(zip(places, scores, strict=True))
    return [score_of.get(place) for place in range(count)]
