"""Where a value is in a nested row: `a.b[0].c`; `[-1]` is the last of a list, `[]` each of it.

`[]` gives an element a rollout, `[*]` the list of what is at all elements, for one rollout.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from schema.errors import InputError

#: What a path that leads nowhere gives; null is a value.
MISSING: Final = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?\d*|\*)\]")
#: Stands for each element of a list.
_EACH: Final = None
#: All elements, as a list.
_ALL: Final = ("*",)
Step = str | int | tuple[str] | None


@dataclass(frozen=True, slots=True)
class ValuePath:
    """A path as it was written, and its steps: names, indexes, and at most one None (`[]`)."""

    text: str
    steps: tuple[Step, ...]
    #: Whether it means each element of a list.
    is_each: bool = False

    @classmethod
    def parse(cls, text: str) -> "ValuePath":
        """Read a path.

        Raises:
            InputError: if it is none.
        """
        steps: list[Step] = []
        end = 0
        for match in _STEP.finditer(text):
            if match.start() != end or (end == 0 and match[0].startswith((".", "["))):
                break
            end = match.end()
            index = match[2]
            steps.append(match[1] if index is None else _index(index))
        if not text or end < len(text) or steps.count(_EACH) > 1:
            raise InputError(
                f"{text!r} is no path to a value: write names with dots, and indexes, as in "
                "`output.choices[0].text`, or once `[]` for each element of a list"
            )
        return cls(text, tuple(steps), _EACH in steps)

    @property
    def root(self) -> str:
        """The column that it begins in."""
        assert isinstance(self.steps[0], str)
        return self.steps[0]

    def of(self, row: Mapping[str, Any]) -> Any:
        """The value, or MISSING; of a path with `[]`, what is at each element, as a list.

        A column whose name is the path as written comes first.

        Raises:
            InputError: if `[]` stands at something else than a list.
        """
        if self.text in row:
            return row[self.text]
        if not self.is_each:
            return _walked(row, self.steps)
        place = self.steps.index(_EACH)
        listed = _walked(row, self.steps[:place])
        if listed is MISSING or listed is None:
            return listed
        if not _is_list(listed):
            raise InputError(f"`{self.text}`: a {_kind(listed)} stands there, not a list")
        return [_walked(item, self.steps[place + 1 :]) for item in listed]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a column's values come from: the first path that leads to a value, or a constant."""

    paths: tuple[ValuePath, ...] = ()
    constant: Any = MISSING
    #: Whether it gives a list, an element a rollout.
    is_each: bool = False

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `path`, `path|other`, a text in quotes, a number, `true` or `false`.

        Raises:
            InputError: if it is none of these.
        """
        text = text.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            return cls(constant=text[1:-1])
        if re.fullmatch(r"-?\d+(\.\d+)?|true|false", text):
            return cls(constant=json.loads(text))
        return _source(tuple(ValuePath.parse(part.strip()) for part in text.split("|")))

    @property
    def text(self) -> str:
        """As it can be written."""
        if not self.paths:
            return json.dumps(self.constant)
        return "|".join(path.text for path in self.paths)

    def of(self, row: Mapping[str, Any]) -> Any:
        """The first value that is no null; None: there is none; MISSING: no path leads anywhere.

        Raises:
            InputError: if `[]` stands at something else than a list.
        """
        if not self.paths:
            return self.constant
        found: Any = MISSING
        for path in self.paths:
            value = path.of(row)
            if path.is_each and isinstance(value, list) and all(v is MISSING for v in value):
                value = MISSING if value else value
            if value is not MISSING and value is not None:
                return value
            found = value if found is MISSING else found
        return found


def _index(text: str) -> Step:
    return _ALL if text == "*" else int(text) if text else _EACH


def exploded(source: Source, lists: Sequence[str]) -> Source:
    """`source`, with `[]` after those of its paths that are named in `lists`."""
    paths = tuple(
        ValuePath.parse(f"{path.text}[]") if path.text in lists else path for path in source.paths
    )
    return _source(paths) if paths else source


def _source(paths: tuple[ValuePath, ...]) -> Source:
    return Source(paths=paths, is_each=any(path.is_each for path in paths))


def _walked(value: Any, steps: Sequence[Step]) -> Any:
    for place, step in enumerate(steps):
        if step == _ALL:
            if not _is_list(value):
                return MISSING
            found = [_walked(item, steps[place + 1 :]) for item in value]
            return [item for item in found if item is not MISSING]
        if isinstance(step, str):
            if not isinstance(value, Mapping) or step not in value:
                return MISSING
            value = value[step]
        else:
            assert isinstance(step, int)
            if not _is_list(value) or not -len(value) <= step < len(value):
                return MISSING
            value = value[step]
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _kind(value: Any) -> str:
    return {dict: "JSON object", str: "text"}.get(type(value), type(value).__name__)
