"""Rows of JSON Lines files, plain or gzipped, one line at a time."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from memstore.containers import STREAM_ERRORS, is_packed, opened
from memstore.formats.columns import Expected, RawRow
from schema.errors import InputError

#: A longer line is not read into memory: three texts and four embeddings fit well below.
MAX_LINE_BYTES: Final = 32 << 20
#: Rows that are looked at to tell whether the file has the columns it needs.
SAMPLE_ROWS: Final = 100

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PARQUET_MAGIC = b"PAR1"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def inspect_jsonl(path: Path, expected: Expected) -> tuple[str, ...]:
    """Check the file's head; return the columns in it that are not known, sorted.

    Raises:
        InputError: if it is not what its name says, holds no rows, or its rows lack columns.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    name = path.name.lower()
    if name.endswith(".gz") and not head.startswith(_GZIP_MAGIC):
        raise InputError(f"{path}: not a gzip file in spite of its name; rename it to .jsonl")
    if name.endswith(".zst") and not head.startswith(_ZSTD_MAGIC):
        raise InputError(f"{path}: not a Zstandard file in spite of its name; rename it to .jsonl")
    if not is_packed(path) and head.startswith(_GZIP_MAGIC):
        raise InputError(f"{path}: this is a gzip file; rename it to .jsonl.gz")
    if not is_packed(path) and head.startswith(_ZSTD_MAGIC):
        raise InputError(f"{path}: this is a Zstandard file; rename it to .jsonl.zst")
    if head == _PARQUET_MAGIC:
        raise InputError(f"{path}: this is a Parquet file; rename it to .parquet")
    rows = list(islice(read_jsonl(path), SAMPLE_ROWS))
    if not rows:
        raise InputError(f"{path}: holds no rows; write one JSON object a line")
    for row in rows:
        _refuse_double_names(path, row)
    objects = [row.values for row in rows if row.fault is None]
    if not objects:
        first = rows[0]
        raise InputError(f"{path}: no line is a JSON object; line {first.line}: {first.fault}")
    return expected.ignored({name for values in objects for name in values}, path)


def _refuse_double_names(path: Path, row: RawRow) -> None:
    """Of two values with one name JSON keeps the last; which one is meant is not known."""

    def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(
                f"{path}:{row.line}: an object has the name {twice!r} twice; keep one of them"
            )
        return dict(pairs)

    if row.fault is None and row.raw is not None:
        json.loads(row.raw, object_pairs_hook=named)


def read_jsonl(path: Path) -> Iterator[RawRow]:
    """Yield the file's rows; blank lines count as lines but are no rows.

    Raises:
        InputError: if the file cannot be read, or is compressed and cut off or damaged.
    """
    line = 0
    try:
        with opened(path) as stream:
            while raw := stream.readline(MAX_LINE_BYTES + 1):
                line += 1
                if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
                    _skip_line(stream)
                    fault = f"line longer than {MAX_LINE_BYTES:,} bytes: shorten its texts"
                    yield RawRow(line=line, fault=fault, raw=raw[:1000])
                    continue
                if line == 1:
                    raw = raw.removeprefix(_BYTE_ORDER_MARK)
                if raw.strip():
                    yield parsed_line(line, raw)
    except STREAM_ERRORS as error:
        if not is_packed(path):
            raise InputError(f"{path}: cannot be read after line {line} ({error})") from error
        kind = "gzip" if path.name.lower().endswith(".gz") else "Zstandard"
        raise InputError(
            f"{path}: the {kind} stream is damaged or cut off after line {line} ({error}); "
            "copy or compress the file again"
        ) from error


def _skip_line(stream: BinaryIO) -> None:
    while chunk := stream.readline(MAX_LINE_BYTES):
        if chunk.endswith(b"\n"):
            return


def parsed_line(line: int, raw: bytes) -> RawRow:
    """The row that a line of the file holds, or why it holds none."""
    try:
        values: Any = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        fault = f"not UTF-8 at byte {error.start} of the line: convert the file to UTF-8"
        return RawRow(line=line, fault=fault, raw=raw)
    except (ValueError, RecursionError) as error:
        return RawRow(line=line, fault=f"not JSON: {error}", raw=raw)
    if not isinstance(values, dict):
        fault = f"a JSON {type(values).__name__}, not an object: write one object a line"
        return RawRow(line=line, fault=fault, raw=raw)
    return RawRow(line=line, values=values, raw=raw)
