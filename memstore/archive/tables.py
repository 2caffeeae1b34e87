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

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHECKPOINTS: Final = "checkpoints"
#: Rows of a page; a rollout of three embeddings and its texts takes some 8 kB.
ROWS_A_PAGE: Final = 1_024
_HASHED_BYTES: Final = 1 << 20

_TEXT, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_TIME: Final = pa.timestamp("us", tz="UTC")
_VECTOR: Final = pa.list_(pa.float32())

#: Columns of each table, in the order in which they are read from and written to Postgres.
TABLES: Final[dict[str, dict[str, pa.DataType]]] = {
    "batches": {"seq": _INT, "kind": _TEXT, "accepted_at": _TIME, "published_at": _TIME},
    "runs": {"name": _TEXT, "policy": _TEXT, "checkpoint": _TEXT, "seq": _INT},
    "queries": {
        **{"id": _TEXT, "dataset": _TEXT, "domain": _TEXT, "embedding": _VECTOR, "seq": _INT},
        **{"text": _TEXT},
    },
    "conclusions": {"id": _TEXT, "key": _TEXT, "seq": _INT},
    "rollouts": {
        **{"id": _TEXT, "query_id": _TEXT, "run": _TEXT, "source_query_id": _TEXT},
        **{"step": _INT, "place": _INT, "content_hash": _TEXT, "policy": _TEXT},
        **{"checkpoint": _TEXT, "conclusion_id": _TEXT, "completion_tokens": _INT},
        **{"truncated": _BOOL, "policy_signals": _VECTOR, "thinking_embedding": _VECTOR},
        **{"answer_embedding": _VECTOR, "seq": _INT, "thinking": _TEXT, "answer": _TEXT},
    },
    "policy_embeddings": {
        **{"rollout_id": _TEXT, "policy": _TEXT, "layer": _TEXT, "embedding": _VECTOR},
        **{"seq": _INT},
    },
    "verified": {
        **{"rollout_id": _TEXT, "seq": _INT, "source": _TEXT, "value": _FLOAT, "run": _TEXT},
        **{"at": _TIME},
    },
    "preferences": {
        **{"better": _TEXT, "worse": _TEXT, "annotator": _TEXT, "seq": _INT, "at": _TIME},
    },
    "models": {"version": _TEXT, "manifest": _TEXT, "seq": _INT, "created_at": _TIME},
    "propagated": {
        **{"rollout_id": _TEXT, "seq": _INT, "value": _FLOAT, "confidence": _FLOAT},
        **{"model": _TEXT, "at": _TIME},
    },
    "similar": {
        **{"query_id": _TEXT, "neighbour_id": _TEXT, "rank": _INT, "score": _FLOAT, "seq": _INT},
    },
}

Row = Sequence[Any]


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
    format: int = FORMAT


def table_path(folder: Path, table: str) -> Path:
    """Where a table is."""
    return folder / f"{table}.parquet"


def write_table(folder: Path, table: str, pages: Iterable[Sequence[Row]]) -> TableEntry:
    """Write a table a page at a time."""
    schema = pa.schema(list(TABLES[table].items()))
    path = table_path(folder, table)
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for page in pages:
            columns = zip(*page, strict=True)
            arrays = [
                _array(values, kind) for values, kind in zip(columns, schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            rows += len(page)
    return TableEntry(rows=rows, sha256=file_hash(path))


def read_table(folder: Path, table: str) -> Iterator[list[Row]]:
    """Read a table a page at a time; vectors come as float32 arrays.

    Raises:
        InputError: if it is no table of an archive.
    """
    path = table_path(folder, table)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            if file.schema_arrow.names != list(TABLES[table]):
                raise InputError(f"{path}: not the columns of an exported memory; export it again")
            for batch in file.iter_batches(ROWS_A_PAGE, use_threads=False):
                yield list(zip(*(_values(column) for column in batch.columns), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); export the memory again") from error


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
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a manifest of an exported memory ({error})") from error
    if set(manifest.tables) != set(TABLES):
        raise InputError(f"{path}: not the tables of an exported memory; export it again")
    return manifest


def check_files(folder: Path, manifest: ArchiveManifest) -> None:
    """Compare every file with the manifest.

    Raises:
        InputError: if one is missing, changed or lies outside the archive.
    """
    expected = {table_path(folder, name): entry.sha256 for name, entry in manifest.tables.items()}
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


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if kind != _VECTOR:
        return pa.array(values, type=kind)
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
