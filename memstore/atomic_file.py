"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path next to `path`: the file written there takes its place at the end of the block.

    A reader, and whoever comes after a killed writer, sees the old file or the new one. If the
    block raises, the old one stays. Each process writes under a name of its own.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file in UTF-8; its folder must exist."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
