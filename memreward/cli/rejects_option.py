"""Where rejected rows go: a new file, which the user names or which is in the home's reports."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from memstore import HomeName, load_settings

RejectsOption = Annotated[
    Path | None,
    typer.Option(
        help="New file for rejected rows, with line and reason; default: one in the home's reports."
    ),
]


def rejects_path(given: Path | None, command: str) -> Path:
    """The file that is given, or a new one in `<home>/reports`."""
    if given is not None:
        return given
    folder = load_settings().home / HomeName.REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    return folder / f"rejected-{command}-{now:%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl"
