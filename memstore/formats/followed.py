"""Files and folders that are still written to: what is new in them, each row once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from memstore.containers import expanded, is_packed
from memstore.formats.columns import RawRow
from memstore.formats.files import FileFormat, FileState, format_of, inspect_files
from memstore.formats.jsonl import parsed_line
from memstore.formats.rollout_row import ReadOptions
from schema.errors import InputError

#: What is held in memory at a time.
CHUNK_BYTES: Final = 4 << 20
CHUNK_ROWS: Final = 1_024


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRows:
    """Rows that a file has got since it was looked at."""

    path: Path
    found: list[RawRow]
    ignored_columns: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """How many they are."""
        return len(self.found)

    def rows(self) -> Iterator[RawRow]:
        """Yield them in order."""
        return iter(self.found)


@dataclass(slots=True)
class _Tail:
    """How far a file of lines was read: bytes, lines, and which file it was."""

    inode: int
    offset: int = 0
    line: int = 0


@dataclass(slots=True)
class FollowedFiles:
    """What is new in files and folders, each time it is asked for.

    JSON Lines are read as far as lines are finished. Files of other formats are read as a whole,
    once they have not changed from one look to the next.
    """

    paths: Sequence[Path]
    options: ReadOptions
    _tails: dict[Path, _Tail] = field(default_factory=dict)
    _states: dict[Path, FileState] = field(default_factory=dict)
    _done: set[Path] = field(default_factory=set)

    def new_rows(self) -> Iterator[NewRows]:
        """Yield what is new, file by file, at most `CHUNK_BYTES` of lines at a time.

        Raises:
            InputError: if a file was replaced or cut, or cannot be read.
        """
        present = [path for path in self.paths if path.exists()]
        filled = [path for path in present if not path.is_dir() or any(path.iterdir())]
        for path in expanded(filled):
            if path in self._done:
                continue
            is_lines = path.is_file() and not is_packed(path) and _is_lines(path)
            yield from self._lines(path) if is_lines else self._whole(path)

    def _lines(self, path: Path) -> Iterator[NewRows]:
        found = path.stat()
        tail = self._tails.setdefault(path, _Tail(found.st_ino))
        if found.st_ino != tail.inode or found.st_size < tail.offset:
            raise InputError(
                f"{path}: was replaced or cut while it was followed; start the command again"
            )
        with path.open("rb") as stream:
            stream.seek(tail.offset)
            while lines := stream.readlines(CHUNK_BYTES):
                rows: list[RawRow] = []
                for raw in lines:
                    if not raw.endswith(b"\n"):
                        break
                    tail.offset += len(raw)
                    tail.line += 1
                    if raw.strip():
                        rows.append(parsed_line(tail.line, raw))
                if rows:
                    yield NewRows(path=path, found=rows)
                if not lines[-1].endswith(b"\n"):
                    return

    def _whole(self, path: Path) -> Iterator[NewRows]:
        state = FileState.of(path)
        is_settled = self._states.get(path) == state
        self._states[path] = state
        if not is_settled or not state.size:
            return
        (file,) = inspect_files([path], self.options)
        self._done.add(path)
        rows: list[RawRow] = []
        for row in file.rows():
            rows.append(row)
            if len(rows) == CHUNK_ROWS:
                yield NewRows(path=path, found=rows)
                rows = []
        if rows:
            yield NewRows(path=path, found=rows)


def _is_lines(path: Path) -> bool:
    if path.name.lower().endswith(FileFormat.JSONL.value):
        return True
    return path.stat().st_size > 0 and format_of(path) is FileFormat.JSONL
