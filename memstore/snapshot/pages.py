"""A file that only grows, each of whose pages is held against a checksum when it is first read.

So a large file that may have changed costs what is read of it. Checksums of whole pages lie in a
file next to it; that of the last page, as long as it is not full, is in the extent.
"""

import mmap
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memstore.snapshot.columns import Extent, NumberColumn, append_bytes, mark_of
from schema.errors import StoreError
from schema.memory_graph import Bools, Ints

PAGE_BYTES: Final = 1 << 14


class PagedFile:
    """Bytes of one file."""

    def __init__(self, path: Path, extents: Mapping[str, Extent]) -> None:
        """As much of `path` as the extent of its name says."""
        self.path = path
        self.extent = extents.get(path.name, Extent())
        sums = path.with_name(f"{path.name}.pages")
        self._sums = NumberColumn(sums, "<u4", None, extents.get(sums.name, Extent()))
        #: Whether each page is what was written; None: all are.
        self._whole: Bools | None = None
        self._mapped: mmap.mmap | None = None

    @property
    def extents(self) -> dict[str, Extent]:
        """Extents by name of a file."""
        return {self.path.name: self.extent, self._sums.path.name: self._sums.extent}

    @property
    def data(self) -> mmap.mmap | bytes:
        """All that counts, mapped; what is read of it must be looked at first."""
        if not self.extent.size:
            return b""
        if self._mapped is None:
            with self.path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), self.extent.size, access=mmap.ACCESS_READ)
        return self._mapped

    def append(self, rows: int, data: bytes) -> None:
        """Write behind what counts."""
        sums: list[int] = []
        crc, at = self.extent.crc, 0
        room = PAGE_BYTES - self.extent.size % PAGE_BYTES
        view = memoryview(data)
        while len(data) - at >= room:
            sums.append(zlib.crc32(view[at : at + room], crc))
            crc, at, room = 0, at + room, PAGE_BYTES
        last = zlib.crc32(view[at:], crc)
        written = append_bytes(self.path, self.extent, rows, data)
        self._sums.append(np.asarray(sums, np.uint32))
        self._grow(replace(written, crc=last))

    def adopt(self, extents: Mapping[str, Extent]) -> None:
        """See what another process has written."""
        self._sums.adopt(extents)
        self._grow(extents[self.path.name])

    def _grow(self, extent: Extent) -> None:
        if extent == self.extent:
            return
        if self._whole is not None:
            full = self.extent.size // PAGE_BYTES  # The last page is another one now.
            grown = np.zeros(_n_pages(extent), dtype=np.bool_)
            grown[:full] = self._whole[:full]
            self._whole = grown
        self.extent, self._mapped = extent, None

    def check(self, *, marked: bool) -> None:
        """Find out whether the file is what was written, now or page by page when it is read.

        Args:
            marked: whether marks count; not if they are of another start of the machine. A file
                whose mark counts and is another now is read at once.

        Raises:
            StoreError: if it is damaged, as far as that is looked at.
        """
        self._sums.check(marked=marked)
        mark, known = mark_of(self.path), self.extent.mark if marked else None
        if known is not None and mark == known:
            return
        if self.extent.size and (mark is None or mark[1] < self.extent.size):
            raise StoreError(f"{self.path} is damaged: it is shorter than what was written")
        self._whole = np.zeros(_n_pages(self.extent), dtype=np.bool_)
        if known is not None:
            self.check_all()
        else:
            self.extent = replace(self.extent, mark=None)

    def check_all(self) -> None:
        """Look at every page that was not looked at yet.

        Raises:
            StoreError: if one is damaged.
        """
        if self._whole is None:
            return
        mark = mark_of(self.path)
        self._look(np.flatnonzero(~self._whole))
        self._whole, self.extent = None, replace(self.extent, mark=mark)

    def look(self, starts: Ints, stops: Ints) -> None:
        """Make sure of the pages of these bytes, from each of `starts` up to its stop.

        Raises:
            StoreError: if one is damaged.
        """
        if self._whole is None:
            return
        some = stops > starts
        first, last = starts[some] // PAGE_BYTES, (stops[some] - 1) // PAGE_BYTES
        count = last - first + 1
        within = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        pages = np.unique(np.repeat(first, count) + within)
        self._look(pages[~self._whole[pages]])

    def _look(self, pages: Ints) -> None:
        assert self._whole is not None
        view, sums = memoryview(self.data), self._sums.array
        for page in pages.tolist():
            start = page * PAGE_BYTES
            known = int(sums[page]) if page < len(sums) else self.extent.crc
            if zlib.crc32(view[start : start + PAGE_BYTES]) != known:
                raise StoreError(
                    f"{self.path} is damaged: a checksum is not what was written; make it again "
                    "with `memreward snapshot`"
                )
            self._whole[page] = True


class PagedNumbers:
    """Rows of numbers of one shape, [N] or [N, width]."""

    def __init__(self, path: Path, dtype: str, width: int, extents: Mapping[str, Extent]) -> None:
        """Rows of `path`, as far as its extent says."""
        self._file = PagedFile(path, extents)
        self.path, self._dtype, self._width = path, np.dtype(dtype), width

    @property
    def extents(self) -> dict[str, Extent]:
        """Extents by name of a file."""
        return self._file.extents

    @property
    def array(self) -> NDArray[Any]:
        """All rows, read-only, mapped from the file; all of it is looked at.

        Raises:
            StoreError: if it is damaged.
        """
        self._file.check_all()
        return self._rows

    @property
    def _rows(self) -> NDArray[Any]:
        shape = (self._file.extent.rows, self._width)
        return np.frombuffer(self._file.data, self._dtype).reshape(shape)

    def take(self, rows: Ints) -> NDArray[Any]:
        """Some rows, copied.

        Raises:
            StoreError: if they are damaged.
        """
        size = self._width * self._dtype.itemsize
        self._file.look(rows * size, (rows + 1) * size)
        return self._rows[rows]

    def append(self, rows: NDArray[Any]) -> None:
        """Write `rows` behind the rows that count; they count from now on."""
        data = np.ascontiguousarray(rows, dtype=self._dtype)
        if data.shape[1:] != (self._width,):
            raise ValueError(f"{self.path.name}: rows of shape {data.shape[1:]}")
        self._file.append(len(data), data.tobytes())

    def open(self) -> None:
        """Map the file now, so that it stays readable once its folder is removed."""
        _ = self._file.data

    def adopt(self, extents: Mapping[str, Extent]) -> None:
        """See what another process has written: more rows."""
        self._file.adopt(extents)

    def check(self, *, marked: bool) -> None:
        """See `PagedFile.check`."""
        self._file.check(marked=marked)

    def check_all(self) -> None:
        """See `PagedFile.check_all`."""
        self._file.check_all()


class TextColumn:
    """Rows of text: UTF-8 bytes in one file, where each ends in another."""

    def __init__(self, path: Path, extents: Mapping[str, Extent]) -> None:
        """Texts of `path` (.text, and .ends next to it) as far as the extents say."""
        ends = path.with_name(f"{path.name}.ends")
        self._ends = NumberColumn(ends, "<i8", None, extents.get(ends.name, Extent()))
        self._file = PagedFile(path.with_name(f"{path.name}.text"), extents)

    @property
    def extents(self) -> dict[str, Extent]:
        """Extents by name of a file."""
        return self._ends.extents | self._file.extents

    def take(self, rows: Ints) -> list[str]:
        """Texts of some rows.

        Raises:
            StoreError: if they are damaged.
        """
        if not len(rows):
            return []
        ends = self._ends.array
        stops = ends[rows]
        starts = np.where(rows > 0, ends[rows - 1], 0)
        self._file.look(starts, stops)
        data = self._file.data
        spans = zip(starts.tolist(), stops.tolist(), strict=True)
        return [data[start:stop].decode() for start, stop in spans]

    def open(self) -> None:
        """Map the files now, so that they stay readable once their folder is removed."""
        self._ends.open()
        _ = self._file.data

    def append(self, texts: Sequence[str]) -> None:
        """Write `texts` behind those that count."""
        encoded = [text.encode() for text in texts]
        lengths = np.fromiter((len(text) for text in encoded), np.int64, len(encoded))
        first = self._file.extent.size
        self._file.append(len(encoded), b"".join(encoded))
        self._ends.append(first + np.cumsum(lengths))

    def adopt(self, extents: Mapping[str, Extent]) -> None:
        """See what another process has written: more texts."""
        self._file.adopt(extents)
        self._ends.adopt(extents)

    def check(self, *, marked: bool) -> None:
        """Hold both files against their checksums; see `checked` and `PagedFile.check`."""
        self._ends.check(marked=marked)
        self._file.check(marked=marked)

    def check_all(self) -> None:
        """See `PagedFile.check_all`."""
        self._file.check_all()


def _n_pages(extent: Extent) -> int:
    return -(-extent.size // PAGE_BYTES)
