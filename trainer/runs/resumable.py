"""Folders from which killed work resumes: one process at a time, and always the same settings."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from memstore import write_atomically
from schema.errors import InputError

LOCK: Final = "lock"


@contextmanager
def alone(folder: Path, option: str) -> Iterator[None]:
    """In the block, no other process is at the work of `folder`.

    Args:
        folder: that is there.
        option: of the command line, which chooses another one.

    Raises:
        InputError: if one is.
    """
    lock = FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder}: another process is working on this run: wait for it, or choose "
            f"another {option}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def keep_settings(
    path: Path, told: Mapping[str, Any], option: str, older: Mapping[str, Any] | None = None
) -> None:
    """Save the settings of some work; refuse to resume it with others.

    Args:
        path: the file.
        told: settings by name, as JSON has them.
        option: of the command line, which chooses another folder.
        older: what work of older versions was told without saying so.

    Raises:
        InputError: if the file has others.
    """
    if path.exists():
        kept = {**(older or {}), **json.loads(path.read_text(encoding="utf-8"))}
        other = sorted(name for name in told if told[name] != kept.get(name))
        if other:
            raise InputError(
                f"{path.parent} holds a run with other settings ({', '.join(other)}): give the "
                f"same ones to resume it, or another {option}"
            )
        return
    write_atomically(path, json.dumps(told, indent=1))
