"""Files of JSON lines that a killed process may have been writing to."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schema.errors import InputError


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file, none if there is none; a last line that was cut off is removed.

    Raises:
        InputError: if another line is damaged.
    """
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("rb+") as file:
            file.truncate(whole)
    records: list[dict[str, Any]] = []
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: not a line of JSON ({error}); correct or remove the line, or "
                "start a new run"
            ) from error
    return records


def add_line(path: Path, record: dict[str, Any]) -> None:
    """Add a record; it is on the disk afterwards."""
    add_lines(path, [record])


def add_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Add records; they are on the disk afterwards, for the price of one."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
