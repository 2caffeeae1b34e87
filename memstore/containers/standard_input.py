"""Standard input as a file: it is kept while it is read, since files are read twice."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from schema.errors import InputError

DASH: Final = Path("-")
#: How files begin, and the end of the name that says so.
_BEGINNINGS: Final = (
    (b"PAR1", ".parquet"),
    (b"\x1f\x8b", ".jsonl.gz"),
    (b"\x28\xb5\x2f\xfd", ".jsonl.zst"),
    (b"ARROW1", ".arrow"),
    (b"PK\x03\x04", ".eval"),
    (b"[", ".json"),
)


@contextmanager
def with_standard_input(
    paths: Sequence[Path], source: BinaryIO | None = None
) -> Iterator[list[Path]]:
    """The paths, with a file that holds what standard input does for `-`.

    Args:
        paths: inputs, at most one of them `-`.
        source: instead of standard input.

    Raises:
        InputError: if `-` is given twice.
    """
    if paths.count(DASH) > 1:
        raise InputError("-: standard input can be read once; name it once")
    if DASH not in paths:
        yield list(paths)
        return
    with tempfile.TemporaryDirectory(prefix="memreward-") as folder:
        kept = Path(folder) / "standard-input"
        with kept.open("wb") as file:
            shutil.copyfileobj(source or sys.stdin.buffer, file, 1 << 20)
        with kept.open("rb") as file:
            head = file.read(64).lstrip()
        end = next((end for begin, end in _BEGINNINGS if head.startswith(begin)), ".jsonl")
        named = kept.rename(kept.with_name(f"standard-input{end}"))
        yield [named if path == DASH else path for path in paths]
