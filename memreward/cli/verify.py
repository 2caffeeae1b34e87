"""`memreward verify`: verdicts on answers in files, without a memory."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSONL or Parquet: query, answer or completion, and gold or tests."),
    ],
    run_code: Annotated[
        bool, typer.Option("--run-code", help="Run the code of answers to verify them, confined.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="A file for the rows, instead of standard output.")
    ] = None,
) -> None:
    """Verify answers in files: rows come back with `reward` (1, 0 or null) and `reason`."""
    from memreward.jobs import VerifyRequest, verify_files

    request = VerifyRequest(files=tuple(files), run_code=run_code, out=out)
    with bars() as progress:
        verify_files(request, progress)
