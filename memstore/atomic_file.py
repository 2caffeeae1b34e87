"""Files and folders that are there as a whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schema.errors import InputError, MemrewardError


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


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder next to `path` that gets its name at the end of the block.

    If the block raises, nothing is left of it.

    Raises:
        InputError: if there is something at `path`, or no folder can be made there.
    """
    unfinished = path.absolute().with_name(f".{path.absolute().name}.{os.getpid()}")
    try:
        if path.exists() or path.is_symlink():
            raise InputError(f"{path}: is there already; name a new folder, or remove it first")
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(path)
    except OSError as error:
        if isinstance(error, MemrewardError):
            raise
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); name another"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
