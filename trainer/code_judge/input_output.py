"""Tests that are pairs of input and output, as APPS and LiveCodeBench have them."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Cases:
    """Inputs with the outputs that are right for them."""

    #: (standard input, standard output), or (arguments, result) where `function` is given.
    pairs: tuple[tuple[Any, Any], ...]
    #: Function that is called; None: the program is a script.
    function: str | None = None


def cases_of(tests: str) -> Cases | None:
    """The pairs that `tests` holds as JSON; None: it is something else.

    Known are `{"inputs": [...], "outputs": [...], "fn_name": ...}` (APPS) and
    `[{"input": ..., "output": ..., "testtype": ...}]` (LiveCodeBench).
    """
    try:
        found = json.loads(tests)
    except ValueError:
        return None
    if isinstance(found, dict) and {"inputs", "outputs"} <= found.keys():
        inputs, outputs, function = found["inputs"], found["outputs"], found.get("fn_name")
        if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
            pairs = zip(inputs, outputs, strict=True)
            if function:
                return Cases(pairs=tuple((list(i), o) for i, o in pairs), function=str(function))
            return Cases(pairs=tuple((_text(i), _text(o)) for i, o in pairs))
    if (
        isinstance(found, list)
        and found
        and all(isinstance(one, dict) and {"input", "output"} <= one.keys() for one in found)
    ):
        if any(one.get("testtype") == "functional" for one in found):
            return _functional(found)
        return Cases(pairs=tuple((_text(one["input"]), _text(one["output"])) for one in found))
    return None


def _functional(found: list[dict[str, Any]]) -> Cases | None:
    """LiveCodeBench: an argument a line, each as JSON, and the result as JSON."""
    names = {one.get("fn_name") or one.get("metadata", {}).get("func_name") for one in found}
    if len(names) != 1 or None in names:
        return None
    try:
        pairs = tuple(
            (
                [json.loads(line) for line in one["input"].splitlines() if line.strip()],
                json.loads(one["output"]),
            )
            for one in found
        )
    except (ValueError, AttributeError):
        return None
    return Cases(pairs=pairs, function=str(names.pop()))


def _text(value: Any) -> str:
    """A text, also where it is a list of lines."""
    if isinstance(value, list):
        return "\n".join(str(line) for line in value)
    return str(value)


def same_output(printed: str, expected: str) -> bool:
    """Whether two outputs have the same lines, spaces at their ends and blank last lines apart."""
    return _lines(printed) == _lines(expected)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").rstrip().split("\n")]


def plain(value: Any) -> Any:
    """A value as JSON would have it: tuples are lists."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    return value
