"""Arrow files, folders that `save_to_disk` wrote, and partitioned Parquet folders, by pyarrow."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as pads

from schema.errors import InputError

_BATCH_ROWS: Final = 512


def arrow_rows(path: Path, names: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of an Arrow file or of a folder, a batch at a time.

    Args:
        path: an Arrow file or stream, a folder of `save_to_disk`, or of partitioned Parquet.
        names: columns that are read; None: all.

    Raises:
        InputError: if it is none of these, or damaged.
    """
    try:
        for batch in _batches(path, names):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read as Arrow ({str(error).splitlines()[0]}); write it again"
        ) from error


def arrow_row_count(path: Path) -> int | None:
    """How many rows a partitioned folder has; None: only reading can tell."""
    if path.is_dir() and not (path / "state.json").exists():
        return _partitioned(path).count_rows()
    return None


def _batches(path: Path, names: Collection[str] | None) -> Iterator[pa.RecordBatch]:
    if path.is_dir() and not (path / "state.json").exists():
        data = _partitioned(path)
        columns = [n for n in data.schema.names if names is None or n in names]
        scanner = data.scanner(columns=columns, batch_size=_BATCH_ROWS, use_threads=False)
        yield from scanner.to_batches()
        return
    for file in _saved_files(path) if path.is_dir() else [path]:
        with pa.memory_map(str(file)) as source:
            for batch in _open(source):
                columns = [n for n in batch.schema.names if names is None or n in names]
                chosen = batch.select(columns)
                for start in range(0, chosen.num_rows, _BATCH_ROWS):
                    yield chosen.slice(start, _BATCH_ROWS)


def _partitioned(path: Path) -> pads.Dataset:
    return pads.dataset(str(path), format="parquet", partitioning="hive")


def _open(source: Any) -> Iterator[pa.RecordBatch]:
    """Batches of Arrow's file format, or of its stream format, which `datasets` writes."""
    try:
        reader = pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        yield from pa.ipc.open_stream(source)
        return
    for place in range(reader.num_record_batches):
        yield reader.get_batch(place)


def _saved_files(folder: Path) -> list[Path]:
    """The files of a data set in their order, as its `state.json` lists them."""
    try:
        state = json.loads((folder / "state.json").read_text("utf-8"))
        return [folder / file["filename"] for file in state["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: its state.json is damaged ({error}); save it again") from error
