"""Rows of CSV files: a header, then one row a rollout; an empty cell is not given."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from memstore.containers import STREAM_ERRORS, is_packed, opened
from memstore.formats.columns import Expected, RawRow
from memstore.formats.jsonl import MAX_LINE_BYTES, SAMPLE_ROWS
from schema.errors import InputError
from schema.input_columns import InputKind, columns_of

_NUMBERS: Final = frozenset(
    columns_of(InputKind.INTEGER, InputKind.TRUTH, InputKind.REWARD, InputKind.NUMBER)
)
_VECTORS: Final = frozenset(columns_of(InputKind.VECTOR))
_TRUTHS: Final = {"true": True, "false": False}
#: Stands for the cells that a row lacks.
_LACKING: Final = "\0lacking"


def inspect_csv(path: Path, expected: Expected) -> tuple[str, ...]:
    """Check the header and the head of a file; return the columns that are not known, sorted.

    Raises:
        InputError: if it is no CSV, has no rows, or lacks a column or names one twice.
    """
    with path.open("rb") as stream:
        if not is_packed(path) and stream.read(4) in (b"PAR1", b"\x1f\x8b\x08\x00"):
            raise InputError(f"{path}: not a CSV file in spite of its name; rename it")
    names = _header(path)
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two columns have the same name; rename one")
    ignored = expected.ignored(set(names), path)
    if not list(islice(read_csv(path), SAMPLE_ROWS)):
        raise InputError(f"{path}: holds no rows; write one rollout a row below the header")
    return ignored


def read_csv(path: Path) -> Iterator[RawRow]:
    """Yield the rows; `line` is the line of the file on which a row ends, the header being the 1st.

    Raises:
        InputError: if the file is no CSV in UTF-8.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    line = 1
    try:
        with _text(path) as stream:
            reader = csv.DictReader(stream, restval=_LACKING, strict=True)
            for row in reader:
                line = reader.line_num
                yield _row(line, row)
    except (csv.Error, UnicodeDecodeError, *STREAM_ERRORS) as error:
        raise InputError(
            f"{path}: cannot be read as CSV in UTF-8 after line {line} ({error}); write it again"
        ) from error


def _text(path: Path) -> io.TextIOWrapper:
    return io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="")


def _header(path: Path) -> list[str]:
    try:
        with _text(path) as stream:
            return next(csv.reader(stream, strict=True), [])
    except (csv.Error, UnicodeDecodeError, *STREAM_ERRORS) as error:
        raise InputError(f"{path}: its header is no CSV in UTF-8 ({error})") from error


def _row(line: int, row: dict[Any, Any]) -> RawRow:
    cells = {name: value for name, value in row.items() if isinstance(value, str) and value}
    fault = "more cells than the header has" if None in row else None
    if _LACKING in cells.values():
        fault = "fewer cells than the header has"
    return RawRow(
        line=line, values={name: _value(name, text) for name, text in cells.items()}, fault=fault
    )


def _value(name: str, text: str) -> Any:
    """A number or a list where the column holds one; what is none is left for the validator."""
    if name in _NUMBERS:
        return _number(text)
    if name in _VECTORS:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return _TRUTHS.get(text.strip().lower(), text)
