"""The files that rollouts come in: which formats there are, and what can be said before reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from memstore.formats.columns import RawRow
from memstore.formats.csv_file import inspect_csv, read_csv
from memstore.formats.jsonl import inspect_jsonl, read_jsonl
from memstore.formats.parquet import inspect_parquet, read_parquet
from memstore.formats.rollout_row import ReadOptions
from schema.errors import InputError


class FileFormat(StrEnum):
    """A format, by the end of the file's name."""

    JSONL = ".jsonl"
    JSONL_GZ = ".jsonl.gz"
    PARQUET = ".parquet"
    CSV = ".csv"


#: For messages.
ENDINGS: Final = ", ".join(kind.value for kind in FileFormat)
#: Why a file that was checked is not read on.
CHANGED: Final = "changed since it was checked: let its writer finish, then run the command again"


@dataclass(frozen=True, slots=True)
class FileState:
    """By which a file is known to be the one that was checked."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """The state of `path` now."""
        found = path.stat()
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


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

    def rows(self) -> Iterator[RawRow]:
        """Yield the rows in order.

        Raises:
            InputError: if the file turns out to be damaged, or is not the one that was inspected.
        """
        self._refuse_changed()
        if self.format is FileFormat.PARQUET:
            yield from read_parquet(self.path)
        elif self.format is FileFormat.CSV:
            yield from read_csv(self.path)
        else:
            yield from read_jsonl(self.path, gzipped=self.format is FileFormat.JSONL_GZ)
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
        paths: files, by their extension one of `FileFormat`.
        options: how they will be read.

    Raises:
        InputError: if no file is given, or one is missing, unreadable, empty, given twice, of
            another format, damaged at its head, or lacks or mistypes a column.
    """
    if not paths:
        raise InputError(f"no file is given: name at least one {ENDINGS} file")
    options = options or ReadOptions()
    dimension = options.dimension if options.file_encoder == options.encoder else None
    seen: set[Path] = set()
    files = []
    for path in map(Path, paths):
        resolved = path.resolve()
        if resolved in seen:
            raise InputError(f"{path}: given twice; name each file once")
        seen.add(resolved)
        files.append(_inspect_file(path, dimension))
    return files


def _inspect_file(path: Path, dimension: int | None) -> InputFile:
    kind = _format_of(path)
    n_rows = None
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file; name files, which can be read twice")
        state = FileState.of(path)
        if state.size == 0:
            raise InputError(f"{path}: the file is empty; write the rollouts again")
        if kind is FileFormat.PARQUET:
            ignored, n_rows = inspect_parquet(path, dimension=dimension)
        elif kind is FileFormat.CSV:
            ignored = inspect_csv(path)
        else:
            ignored = inspect_jsonl(path, gzipped=kind is FileFormat.JSONL_GZ)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check its owner, mode and disk"
        ) from error
    return InputFile(path=path, format=kind, ignored_columns=ignored, n_rows=n_rows, state=state)


def _format_of(path: Path) -> FileFormat:
    name = path.name.lower()
    for kind in FileFormat:
        if name.endswith(kind.value):
            return kind
    raise InputError(f"{path}: unknown extension; rename or convert it to {ENDINGS}")
