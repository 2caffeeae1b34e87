"""JSON documents: a list of rows, or an object that holds one, such as an evaluation's log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from memstore.containers.streams import STREAM_ERRORS, opened
from schema.errors import InputError

#: A document is read as a whole; what is longer must come a row a line.
MAX_BYTES: Final = 1 << 30
_FIRST_LINE: Final = 1 << 20


def is_json_lines(path: Path) -> bool:
    """Whether a file named `.json` has an object on its first line, and more lines.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        with opened(path) as stream:
            first = stream.readline(_FIRST_LINE)
            while first and not first.strip():
                first = stream.readline(_FIRST_LINE)
            following = stream.readline(_FIRST_LINE)
        return isinstance(json.loads(first), dict) and bool(following.strip())
    except (ValueError, RecursionError):
        return False
    except STREAM_ERRORS as error:
        raise InputError(f"{path}: cannot be read ({error}); copy the file again") from error


def document_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON document, in order.

    A list of objects has one a row. Of an object with one list of objects, these are the rows; its
    other values are in each of them unless a row has them itself.

    Raises:
        InputError: if it is no such document, or too long to be read as a whole.
    """
    document = _loaded(path)
    head: dict[str, Any] = {}
    if isinstance(document, dict):
        lists = [name for name, value in document.items() if _is_rows(value)]
        if "samples" in lists:
            lists = ["samples"]
        if len(lists) != 1:
            found = ", ".join(sorted(document)[:20]) or "nothing"
            raise InputError(
                f"{path}: an object with {len(lists)} lists of rows (found: {found}); write a "
                "list of objects, or one object a line as .jsonl"
            )
        head = {n: v for n, v in document.items() if n != lists[0]}
        document = document[lists[0]]
    if not _is_rows(document):
        raise InputError(f"{path}: no list of JSON objects; write one object a row")
    for row in document:
        yield {**head, **row}


def _loaded(path: Path) -> Any:
    try:
        with opened(path) as stream:
            text = stream.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise InputError(
                f"{path}: longer than {MAX_BYTES:,} bytes, and a JSON document is read as a "
                "whole; write it as JSON Lines (`jq -c '.[]' FILE.json > FILE.jsonl`)"
            )
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not JSON ({error}); write it again") from error
    except STREAM_ERRORS as error:
        raise InputError(f"{path}: cannot be read ({error}); copy the file again") from error


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)
