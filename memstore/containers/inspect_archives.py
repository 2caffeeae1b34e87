"""Inspect's `.eval` files: zip archives a JSON file a sample, and one of what was evaluated."""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from schema.errors import InputError

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
            said = json.loads(archive.read(head))
            for name in sorted(samples, key=_in_order):
                yield {"eval": said.get("eval", {}), **json.loads(archive.read(name))}
    except NotImplementedError as error:
        raise InputError(
            f"{path}: compressed in a way that Python cannot read ({error}); convert it with "
            "`inspect log convert --to json`"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: no whole archive ({error}); copy the file again") from error


def _in_order(name: str) -> list[tuple[int, str]]:
    """By numbers in the name, so that sample 10 follows sample 9."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
