"""Inspect's `.eval` files: zip archives a JSON file a sample, and one of what was evaluated."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from schema.errors import InputError

#: Largest part: it is read as a whole, and a small archive can hold a huge one.
MAX_PART_BYTES: Final = 1 << 30
#: Members that say what was evaluated, the newest kind first.
_HEADS: Final = ("header.json", "_journal/start.json", "start.json")


def archive_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the samples in order, each with the log's head under `eval`; one in memory at a time.

    Raises:
        InputError: if it is no such archive, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            head = next((name for name in _HEADS if name in names), None)
            samples = [n for n in names if n.startswith("samples/") and n.endswith(".json")]
            if head is None or not samples:
                raise InputError(f"{path}: no log of Inspect with samples; finish the evaluation")
            log = _read(archive, head, path).get("eval", {})
            for name in sorted(samples, key=_in_order):
                yield {"eval": log, **_read(archive, name, path)}
    except NotImplementedError as error:
        raise InputError(
            f"{path}: compressed in a way that Python cannot read ({error}); convert it with "
            "`inspect log convert --to json`"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RecursionError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: no whole archive ({error}); copy the file again") from error


def _read(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    """The JSON object of a part.

    Raises:
        InputError: if it is none, or would not fit into memory.
    """
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise InputError(f"{path}: {name} has more than {MAX_PART_BYTES:,} bytes; leave it out")
    found = json.loads(archive.read(name))
    if not isinstance(found, dict):
        raise InputError(f"{path}: {name} is no JSON object; copy the file again")
    return found


def _in_order(name: str) -> list[tuple[int, str]]:
    """By numbers in the name, so that sample 10 follows sample 9."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
