"""Files that only grow: numbers by row, memory-mapped, each with a running checksum.

What a file holds beyond the rows that its user has counted is rubbish from a write that was cut
off; the next append goes over it.

A file is not read again to know that it is whole, as long as nothing has changed it: while a
machine runs, its kernel keeps what was written. After another start, each is held against its
checksum.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schema.errors import StoreError
from schema.memory_graph import Ints

_CHECKED_BYTES: Final = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of a column counts: whole rows, their bytes, and the CRC-32 of these bytes."""

    rows: int = 0
    size: int = 0
    crc: int = 0
    #: The file when it was known to be whole: its inode, size and time of change, in ns.
    mark: tuple[int, ...] | None = None


class NumberColumn:
    """Rows of numbers of one shape, [N] or [N, width]."""

    def __init__(self, path: Path, dtype: str, width: int | None, extent: Extent) -> None:
        """Rows of `path` as far as `extent` says; `width` None: one number a row."""
        self.path, self._dtype, self._width = path, np.dtype(dtype), width
        self.extent = extent
        self._mapped: NDArray[Any] | None = None

    @property
    def array(self) -> NDArray[Any]:
        """All rows, read-only, mapped from the file."""
        if self._mapped is None:
            shape = (self.extent.rows,) if self._width is None else (self.extent.rows, self._width)
            if self.extent.size == 0:
                self._mapped = np.zeros(shape, dtype=self._dtype)
            else:
                whole = np.memmap(self.path, self._dtype, "r", shape=shape)
                self._mapped = whole.view(np.ndarray)
        return self._mapped

    def append(self, rows: NDArray[Any]) -> None:
        """Write `rows` behind the rows that count; they count from now on."""
        data = np.ascontiguousarray(rows, dtype=self._dtype)
        expected = () if self._width is None else (self._width,)
        if data.shape[1:] != expected:
            raise ValueError(f"{self.path.name}: rows of shape {data.shape[1:]}, not {expected}")
        self._grow(append_bytes(self.path, self.extent, len(data), data.tobytes()))

    def take(self, rows: Ints) -> NDArray[Any]:
        """Some rows, copied."""
        return self.array[rows]

    def clear(self) -> None:
        """No row counts any more."""
        self.path.unlink(missing_ok=True)
        self._grow(Extent())

    def open(self) -> None:
        """Map the file now, so that it stays readable once its folder is removed."""
        _ = self.array

    @property
    def extents(self) -> dict[str, Extent]:
        """Its extent, by name of the file."""
        return {self.path.name: self.extent}

    def adopt(self, extents: Mapping[str, Extent]) -> None:
        """See what another process has written: more rows."""
        self._grow(extents[self.path.name])

    def _grow(self, extent: Extent) -> None:
        if extent != self.extent:
            self.extent, self._mapped = extent, None

    def check(self, *, marked: bool) -> None:
        """Hold the file against its checksum; see `checked`."""
        self.extent = checked(self.path, self.extent, marked=marked)

    def check_all(self) -> None:
        """Nothing is left to look at."""


def append_bytes(path: Path, extent: Extent, rows: int, data: bytes) -> Extent:
    """Write `data` at the end of `extent`; returns what counts then."""
    unchanged = extent.size == 0 or extent.mark == mark_of(path)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.seek(extent.size)
        file.write(data)
    return Extent(
        rows=extent.rows + rows,
        size=extent.size + len(data),
        crc=zlib.crc32(data, extent.crc),
        mark=mark_of(path) if unchanged else None,
    )


def mark_of(path: Path) -> tuple[int, ...] | None:
    """What changes with the file; None: it is not there."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns


def checked(path: Path, extent: Extent, *, marked: bool) -> Extent:
    """Hold the bytes that count against their checksum, unless the file has the mark that it had.

    Args:
        path: of the file.
        extent: how much of it counts.
        marked: whether marks count; not if they are of another start of the machine.

    Returns:
        The extent with the mark that the file has now.

    Raises:
        StoreError: if they are not what was written, or are gone.
    """
    mark = mark_of(path)
    if marked and mark is not None and mark == extent.mark:
        return extent
    crc, left = 0, extent.size
    try:
        if left:
            with path.open("rb") as file:
                while left and (data := file.read(min(left, _CHECKED_BYTES))):
                    crc, left = zlib.crc32(data, crc), left - len(data)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    if left or crc != extent.crc:
        raise StoreError(f"{path} is damaged: its checksum is not what was written")
    return replace(extent, mark=mark)
