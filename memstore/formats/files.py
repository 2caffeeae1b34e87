"""The files that rollouts come in: which formats there are, and what can be said before reading."""

import filecmp
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from memstore.containers import (
    archive_rows,
    arrow_row_count,
    arrow_rows,
    document_rows,
    expanded,
    is_json_lines,
    plain_name,
)
from memstore.formats.columns import KNOWN_COLUMNS, Expected, RawRow
from memstore.formats.csv_file import inspect_csv, read_csv
from memstore.formats.jsonl import SAMPLE_ROWS, inspect_jsonl, read_jsonl
from memstore.formats.parquet import inspect_parquet, read_parquet
from memstore.formats.rollout_row import ReadOptions
from schema.errors import InputError


class FileFormat(StrEnum):
    """A format, by the end of the file's name; text may be compressed (.gz, .zst)."""

    JSONL = ".jsonl"
    JSON = ".json"
    PARQUET = ".parquet"
    CSV = ".csv"
    ARROW = ".arrow"
    #: A log of Inspect.
    EVAL = ".eval"


#: For messages.
ENDINGS: Final = ", ".join(kind.value for kind in FileFormat)
#: Formats that may be compressed.
_TEXT: Final = (FileFormat.JSONL, FileFormat.JSON, FileFormat.CSV)
#: Why a file that was checked is not read on.
CHANGED: Final = "changed since it was checked: let its writer finish, then run the command again"


class RowSource(Protocol):
    """Rows that can be read twice."""

    @property
    def path(self) -> Path:
        """What messages call it."""
        ...

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns that mean nothing to memreward, as far as is known."""
        ...

    @property
    def n_rows(self) -> int | None:
        """How many rows there are, where that is known."""
        ...

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows in order."""
        ...


@dataclass(frozen=True, slots=True)
class FileState:
    """By which a file is known to be the one that was checked."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """The state of `path` now; of a folder, of all its files."""
        found = path.stat()
        if not path.is_dir():
            return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        files = [file.stat() for file in sorted(path.rglob("*")) if file.is_file()]
        newest = max((file.st_mtime_ns for file in files), default=0)
        return cls(found.st_dev, found.st_ino, sum(file.st_size for file in files), newest)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFile:
    """A file that was found fit to be read."""

    path: Path
    format: FileFormat
    #: Columns that mean nothing to memreward, as far as the file's head shows them.
    ignored_columns: tuple[str, ...]
    #: Number of rows where the file says it (Parquet).
    n_rows: int | None
    #: Before its head was looked at.
    state: FileState
    #: Columns that a mapping reads, None for all; without a mapping, those that are known.
    names: Collection[str] | None

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows in order.

        Raises:
            InputError: if the file turns out to be damaged, or is not the one that was inspected.
        """
        self._refuse_changed()
        if self.format is FileFormat.PARQUET and self.path.is_file():
            yield from read_parquet(self.path, self.names)
        elif self.format is FileFormat.CSV:
            yield from read_csv(self.path)
        elif self.format is FileFormat.JSONL:
            yield from read_jsonl(self.path)
        else:
            yield from _numbered(_objects(self.path, self.format, self.names))
        self._refuse_changed()

    def _refuse_changed(self) -> None:
        try:
            is_same = FileState.of(self.path) == self.state
        except OSError:
            is_same = False
        if not is_same:
            raise InputError(f"{self.path}: {CHANGED}")


def inspect_files(
    paths: Sequence[Path | str], options: ReadOptions | None = None
) -> list[InputFile]:
    """Check all files' names, heads and columns before any of them is read.

    Args:
        paths: files, by their extension one of `FileFormat`, or folders of them.
        options: how they will be read.

    Raises:
        ShapeError: if a file has other columns than the input format.
        InputError: if no file is given, or one is missing, unreadable, empty, given twice, of
            another format, damaged at its head, or lacks or mistypes a column.
    """
    if not paths:
        raise InputError(f"no file is given: name at least one {ENDINGS} file")
    options = options or ReadOptions()
    seen: set[Path] = set()
    files: list[InputFile] = []
    for path in expanded(list(map(Path, paths))):
        resolved = path.resolve()
        if resolved in seen:
            raise InputError(f"{path}: given twice; name each file once")
        seen.add(resolved)
        files.append(_inspect_file(path, options))
    _refuse_copies(files)
    return files


def object_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a file's rows as they are, whatever their columns; rows that are none are left out.

    Raises:
        InputError: if it cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; check the path")
    kind = format_of(path)
    if kind is FileFormat.PARQUET and path.is_file():
        yield from (row.values for row in read_parquet(path, None))
    elif kind in (FileFormat.CSV, FileFormat.JSONL):
        raw = read_csv(path) if kind is FileFormat.CSV else read_jsonl(path)
        yield from (row.values for row in raw if row.fault is None)
    else:
        yield from _objects(path, kind, None)


def head_rows(path: Path) -> list[dict[str, Any]]:
    """The first of a file's `object_rows`.

    Raises:
        InputError: if it cannot be read.
    """
    return list(islice(object_rows(path), SAMPLE_ROWS))


def _inspect_file(path: Path, options: ReadOptions) -> InputFile:
    mapping = options.mapping
    expected = expected_of(options)
    n_rows = None
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(
                f"{path}: not a regular file; name files, which can be read twice, or `-`"
            )
        kind = format_of(path)
        state = FileState.of(path)
        if state.size == 0:
            raise InputError(f"{path}: the file is empty; write the rollouts again")
        if kind is FileFormat.PARQUET and path.is_file():
            dimension = options.dimension if options.file_encoder == options.encoder else None
            ignored, n_rows = inspect_parquet(path, expected, dimension=dimension)
        elif kind is FileFormat.CSV:
            ignored = inspect_csv(path, expected)
        elif kind is FileFormat.JSONL:
            ignored = inspect_jsonl(path, expected)
        else:
            ignored, n_rows = _inspect_objects(path, kind, expected)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check its owner, mode and disk"
        ) from error
    return InputFile(
        path=path,
        format=kind,
        ignored_columns=ignored,
        n_rows=n_rows,
        state=state,
        names=KNOWN_COLUMNS if mapping is None else mapping.roots,
    )


def expected_of(options: ReadOptions) -> Expected:
    """What is checked of columns that are read with `options`."""
    mapping = options.mapping
    return Expected(
        mapped=mapping is not None,
        replies=frozenset() if mapping is None else mapping.replies,
        prefers=options.prefer is not None,
    )


def _inspect_objects(
    path: Path, kind: FileFormat, expected: Expected
) -> tuple[tuple[str, ...], int | None]:
    rows = list(islice(_objects(path, kind, None), SAMPLE_ROWS))
    if not rows:
        raise InputError(f"{path}: holds no rows; write one rollout a row")
    ignored = expected.ignored({name for row in rows for name in row}, path)
    return ignored, arrow_row_count(path) if kind is FileFormat.PARQUET else None


def _objects(
    path: Path, kind: FileFormat, names: Collection[str] | None
) -> Iterator[dict[str, Any]]:
    """Rows of a format that has no lines."""
    if kind is FileFormat.EVAL:
        return archive_rows(path)
    if kind is FileFormat.JSON:
        return document_rows(path)
    return arrow_rows(path, names)


def _numbered(rows: Iterable[dict[str, Any]]) -> Iterator[RawRow]:
    for line, values in enumerate(rows, 1):
        yield RawRow(line=line, values=values)


def _refuse_copies(files: Sequence[InputFile]) -> None:
    """Check that no two names are of one file, and no two files hold the same bytes."""
    seen: dict[int, list[InputFile]] = {}
    for file in files:
        for earlier in seen.setdefault(file.state.size, []):
            is_same = (earlier.state.device, earlier.state.inode) == (
                file.state.device,
                file.state.inode,
            )
            if is_same or (
                file.path.is_file()
                and earlier.path.is_file()
                and filecmp.cmp(file.path, earlier.path, shallow=False)
            ):
                raise InputError(
                    f"{file.path}: the same as {earlier.path}, so that every rollout would be "
                    "there twice; name one of them"
                )
        seen[file.state.size].append(file)


def format_of(path: Path) -> FileFormat:
    """The format of a file by its name, and of a `.json` file by its first line.

    Raises:
        InputError: if the name says none.
    """
    if path.is_dir():
        return FileFormat.ARROW if (path / "state.json").exists() else FileFormat.PARQUET
    name = plain_name(path)
    for kind in FileFormat:
        if name.endswith(kind.value) and (kind in _TEXT or name == path.name.lower()):
            is_lines = kind is FileFormat.JSON and path.is_file() and is_json_lines(path)
            return FileFormat.JSONL if is_lines else kind
    raise InputError(f"{path}: unknown extension; rename or convert it to {ENDINGS}")
