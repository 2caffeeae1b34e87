"""Rows of Parquet files, by record batches; vectors go straight into numpy."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from memstore.formats.columns import (
    KNOWN_COLUMNS,
    NUMBER_COLUMNS,
    NUMBERED_COLUMNS,
    TEXT_COLUMNS,
    VECTOR_COLUMNS,
    Expected,
    RawRow,
)
from schema.errors import InputError
from schema.validation import TEXT_EMBEDDINGS

#: Rows held in memory at a time.
BATCH_ROWS: Final = 512

_FIX = "write the file again, or ask its owner for a whole copy"


def inspect_parquet(
    path: Path, expected: Expected, *, dimension: int | None
) -> tuple[tuple[str, ...], int]:
    """Check footer and column types; return the unknown columns, sorted, and the row count.

    Args:
        path: the file.
        expected: what is checked of its columns; their types are not where they are mapped.
        dimension: what text embeddings must have where the file gives their encoder no column;
            None: not to be checked.

    Raises:
        InputError: if it is no whole Parquet file, has no rows, or lacks or mistypes a column.
    """
    with _opened(path) as file:
        schema: pa.Schema = file.schema_arrow
        n_rows: int = file.metadata.num_rows
    names = set(schema.names)
    if len(names) < len(schema.names):
        raise InputError(f"{path}: two columns have the same name; rename one")
    ignored = expected.ignored(names, path)
    for name in sorted(names & KNOWN_COLUMNS) if not expected.mapped else ():
        _check_type(path, name, schema.field(name).type)
    if dimension is not None and "encoder" not in names and not expected.mapped:
        _check_widths(path, schema, dimension)
    if n_rows == 0:
        raise InputError(f"{path}: holds no rows; write one rollout a row")
    return ignored, n_rows


def read_parquet(path: Path, names: Collection[str] | None = KNOWN_COLUMNS) -> Iterator[RawRow]:
    """Yield the file's rows; vectors come as float32 arrays.

    Args:
        path: the file.
        names: of the columns that are read; None: all.

    Raises:
        InputError: if a part of the file cannot be read.
    """
    line = 0
    with _opened(path) as file:
        found = file.schema_arrow.names
        columns = [name for name in found if names is None or name in names]
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                values_of = {name: _values(name, batch.column(name)) for name in columns}
                for place in range(batch.num_rows):
                    line += 1
                    values = {name: column[place] for name, column in values_of.items()}
                    yield RawRow(line=line, values=values)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{path}: damaged after row {line} ({_first_line(error)}); {_FIX}"
            ) from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: not a whole Parquet file ({_first_line(error)}); {_FIX}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _check_type(path: Path, name: str, kind: pa.DataType) -> None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    fits: Callable[[pa.DataType], bool]
    if name in TEXT_COLUMNS:
        wanted, fits = "text", _is_text if name not in NUMBERED_COLUMNS else _is_text_or_integer
    elif name in VECTOR_COLUMNS:
        wanted, fits = "a list of numbers", _is_vector
    else:
        assert name in NUMBER_COLUMNS, name
        wanted, fits = "a number", _is_number
    if not (pa.types.is_null(kind) or fits(kind)):
        raise InputError(f"{path}: column `{name}` is {kind}, not {wanted}; convert it")


def _check_widths(path: Path, schema: pa.Schema, dimension: int) -> None:
    for name in TEXT_EMBEDDINGS:
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        if pa.types.is_fixed_size_list(kind) and kind.list_size != dimension:
            raise InputError(
                f"{path}: `{name}` has {kind.list_size} numbers, {dimension} are expected; "
                "name what made them with --encoder, or drop the column to have them computed"
            )


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_text_or_integer(kind: pa.DataType) -> bool:
    return _is_text(kind) or pa.types.is_integer(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _is_vector(kind: pa.DataType) -> bool:
    is_list = (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
    return is_list and (
        pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
    )


def _values(name: str, column: Any) -> list[Any]:
    """The column's values as Python objects; text that is not UTF-8 comes as bytes."""
    if pa.types.is_null(column.type):
        return [None] * len(column)
    if name in VECTOR_COLUMNS and _is_vector(column.type):
        return _vectors(column)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [_text_or_bytes(scalar) for scalar in column]


def _text_or_bytes(scalar: Any) -> str | bytes | None:
    if not scalar.is_valid:
        return None
    raw = scalar.as_buffer().to_pybytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _vectors(column: Any) -> list[Any]:
    """One float32 array a row (None where null), all views of one flat array."""
    flat = column.flatten().cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    lengths = pc.call_function("list_value_length", [column]).fill_null(0)
    ends = np.cumsum(lengths.to_numpy(zero_copy_only=False))
    valid = column.is_valid().to_pylist()
    return [
        flat[end - length : end] if is_given else None
        for is_given, length, end in zip(valid, lengths.to_pylist(), ends.tolist(), strict=True)
    ]
