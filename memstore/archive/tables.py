"""What an exported memory is: Parquet tables, checkpoint folders and a manifest that counts both.

The manifest is written last: a folder without one is no archive.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schema.errors import InputError
from schema.tables import ARCHIVED, ColumnType, Table

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHECKPOINTS: Final = "checkpoints"
#: Rows of a page; a rollout of three embeddings and its texts takes some 8 kB.
ROWS_A_PAGE: Final = 1_024
_HASHED_BYTES: Final = 1 << 20

_VECTOR: Final = pa.list_(pa.float32())
#: How an archive writes the columns of Postgres.
_ARROW: Final[dict[ColumnType, pa.DataType]] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.JSON: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.BIGINT: pa.int64(),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIME: pa.timestamp("us", tz="UTC"),
    ColumnType.FLOATS: _VECTOR,
    ColumnType.VECTOR: _VECTOR,
}

#: A row by column.
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TableEntry:
    """One table of an archive."""

    rows: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ArchiveManifest:
    """What an archive holds."""

    memory: str
    encoder: str
    dimension: int
    neighbours: int
    seq: int
    generation: int
    linked_seq: int
    created_at: str
    encoder_path: str | None
    tables: dict[str, TableEntry]
    #: SHA-256 of each file of a checkpoint, by its path below `checkpoints/`.
    checkpoints: dict[str, str] = field(default_factory=dict)
    #: Version of the conclusion keys; archives from before there were versions have the first.
    keys_version: int = 1
    #: Names of what is kept of the texts of forgotten rollouts.
    feature_names: list[str] = field(default_factory=list[str])
    format: int = FORMAT


def table_path(folder: Path, table: Table) -> Path:
    """Where a table is."""
    return folder / f"{table.archive}.parquet"


def write_table(
    folder: Path, table: Table, pages: Iterable[Sequence[tuple[Any, ...]]]
) -> TableEntry:
    """Write a table a page at a time; rows have the table's `archived` columns, in order."""
    columns = table.archived
    schema = pa.schema([(column.name, _ARROW[column.type]) for column in columns])
    path = table_path(folder, table)
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for page in pages:
            values_of = zip(columns, zip(*page, strict=True), strict=True)
            arrays = [_array(values, column.type) for column, values in values_of]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(page)
    return TableEntry(rows=rows, sha256=file_hash(path))


def read_table(folder: Path, table: Table) -> Iterator[list[Record]]:
    """Read a table a page at a time; vectors come as float32 arrays.

    Columns that may be null and that the archive lacks are null: it is older than they are.

    Raises:
        InputError: if it is no table of an archive.
    """
    path = table_path(folder, table)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            names = file.schema_arrow.names
            _check_columns(path, table, names)
            lacking = {c.name: None for c in table.archived if c.name not in names}
            for batch in file.iter_batches(ROWS_A_PAGE, use_threads=False):
                columns = [_values(column) for column in batch.columns]
                yield [
                    {**lacking, **dict(zip(names, row, strict=True))}
                    for row in zip(*columns, strict=True)
                ]
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); export the memory again") from error


def made_table(folder: Path, table: Table) -> list[Record]:
    """The rows of a table that an archive from before it lacks, made of the one that has them.

    Raises:
        InputError: if that one is no table of an archive.
    """
    assert table.made_of is not None
    name, column = table.made_of
    (source,) = (other for other in ARCHIVED if other.name == name)
    path = table_path(folder, source)
    try:
        values = pq.read_table(path, columns=[column, "seq"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); export the memory again") from error
    first = values.group_by(column).aggregate([("seq", "min")])
    rows = zip(first.column(column).to_pylist(), first.column("seq_min").to_pylist(), strict=True)
    return [{table.key[0]: value, "seq": seq} for value, seq in rows if value is not None]


def _check_columns(path: Path, table: Table, names: Sequence[str]) -> None:
    needed = {column.name for column in table.archived if not column.optional}
    missing = sorted(needed - set(names))
    unknown = sorted(set(names) - {column.name for column in table.archived})
    if missing or len(set(names)) < len(names):
        raise InputError(
            f"{path}: not the columns of an exported memory (missing: {', '.join(missing)}); "
            "export it again"
        )
    if unknown:
        raise InputError(
            f"{path}: this version does not know the columns {', '.join(unknown)}: import it "
            "with the version that exported it"
        )


def write_manifest(folder: Path, manifest: ArchiveManifest) -> None:
    """Make a folder an archive."""
    text = json.dumps(asdict(manifest), indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> ArchiveManifest:
    """What an archive holds.

    Raises:
        InputError: if the folder is no archive, or of another format.
    """
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.get("format") != FORMAT:
            raise InputError(
                f"{path}: format {values.get('format')}, this version reads {FORMAT}: "
                "import it with the version that exported it"
            )
        tables = {name: TableEntry(**entry) for name, entry in values.pop("tables").items()}
        manifest = ArchiveManifest(tables=tables, **values)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no {MANIFEST} there: name a folder that `memreward export` has finished"
        ) from error
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a manifest of an exported memory ({error})") from error
    known = {table.archive for table in ARCHIVED}
    needed = {table.archive for table in ARCHIVED if table.made_of is None}
    if not needed <= set(manifest.tables) <= known:
        raise InputError(f"{path}: not the tables of an exported memory; export it again")
    return manifest


def check_files(folder: Path, manifest: ArchiveManifest) -> None:
    """Compare every file with the manifest.

    Raises:
        InputError: if one is missing, changed or lies outside the archive.
    """
    expected = {
        table_path(folder, table): manifest.tables[table.archive].sha256
        for table in ARCHIVED
        if table.archive in manifest.tables
    }
    root = (folder / CHECKPOINTS).resolve()
    for name, checksum in manifest.checkpoints.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise InputError(f"{folder / MANIFEST}: {name!r} lies outside the archive")
        expected[path] = checksum
    for path, checksum in expected.items():
        if not path.is_file():
            raise InputError(f"{path}: missing; copy the whole folder again")
        if file_hash(path) != checksum:
            raise InputError(f"{path}: its SHA-256 is not what the manifest says; copy it again")


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_HASHED_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def _array(values: Sequence[Any], kind: ColumnType) -> pa.Array:
    if kind is ColumnType.JSON:
        values = [json.dumps(value) for value in values]
    if _ARROW[kind] != _VECTOR:
        return pa.array(values, type=_ARROW[kind])
    arrays = [_numbers(value) for value in values]
    starts: list[int | None] = []
    end = 0
    for array in arrays:
        starts.append(None if array is None else end)
        end += 0 if array is None else len(array)
    offsets = pa.array([*starts, end], type=pa.int32())
    given = [array for array in arrays if array is not None]
    flat = np.concatenate(given) if given else np.zeros(0, dtype=np.float32)
    return pa.ListArray.from_arrays(offsets, pa.array(flat, type=pa.float32()))


def _numbers(value: Any) -> Any:
    """A vector of pgvector or a list of numbers as float32."""
    if value is None:
        return None
    return np.asarray(value, dtype=np.float32)


def _values(column: pa.Array) -> list[Any]:
    if column.type != _VECTOR:
        return column.to_pylist()
    return [
        scalar.values.to_numpy(zero_copy_only=False) if scalar.is_valid else None
        for scalar in column
    ]
