"""Files as streams of bytes, decompressed by the end of their names: `.gz` and `.zst`."""

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

import pyarrow as pa

PACKED: Final = (".gz", ".zst")
#: What reading may raise.
STREAM_ERRORS: Final = (EOFError, zlib.error, gzip.BadGzipFile, OSError, pa.ArrowException)


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is compressed."""
    return path.name.lower().endswith(PACKED)


def plain_name(path: Path) -> str:
    """The name in lower case, without the end that says how it is compressed."""
    name = path.name.lower()
    for end in PACKED:
        name = name.removesuffix(end)
    return name


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed.

    Raises:
        OSError: if it cannot be opened; reading raises any of `STREAM_ERRORS`.
    """
    name = path.name.lower()
    if name.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    if name.endswith(".zst"):
        packed = pa.input_stream(str(path), compression="zstd")
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, packed), 1 << 20))
    return path.open("rb")
