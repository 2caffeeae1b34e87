"""The file of rejected rows: one writer for all commands, which replaces no file."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from memstore import replacing
from schema.errors import InputError

#: Rejected rows that are kept for the message on the screen; the file has them all.
SHOWN_REJECTS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row that is no rollout: its line (from 1), why, and how it begins."""

    path: Path
    line: int
    reason: str
    excerpt: str

    def __str__(self) -> str:
        """`path:line: reason`."""
        return f"{self.path}:{self.line}: {self.reason}"

    def to_row(self) -> dict[str, object]:
        """As a line of the file."""
        return {
            "path": str(self.path),
            "line": self.line,
            "reason": self.reason,
            "excerpt": self.excerpt,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejects:
    """How many rows were rejected, the first of them, and the file that has all."""

    #: None: none was asked for.
    path: Path | None
    count: int = 0
    first: tuple[RejectedRow, ...] = ()

    def refuse(self) -> None:
        """Stop if there are any.

        Raises:
            InputError: that shows the first ones.
        """
        if self.count:
            shown = "\n".join(f"  {reject}" for reject in self.first)
            where = "" if self.path is None else f"all of them, with reasons: {self.path}; "
            raise InputError(
                f"{self.count} rows are rejected, nothing was written:\n{shown}\n{where}correct "
                "them, or use the other rows only with --skip-rejected"
            )


def check_rejects_path(path: Path, inputs: Sequence[Path]) -> None:
    """Check that rejected rows can be written to `path` without losing anything.

    Raises:
        InputError: if it is an input, under any name, or exists.
    """
    for given in inputs:
        if path.resolve() == given.resolve() or (
            path.exists() and given.exists() and path.samefile(given)
        ):
            raise InputError(
                f"{path}: is an input; rejected rows would overwrite it: name another file with "
                "--rejects"
            )
    if path.exists() or path.is_symlink():
        raise InputError(
            f"{path}: exists; rejected rows would overwrite it: delete it, or name another file "
            "with --rejects"
        )


def write_rejects(path: Path | None, rejects: Iterable[RejectedRow]) -> Rejects:
    """Write one JSON object a rejected row; without any there is no file.

    All rows are read, and the file appears as a whole at the end.

    Args:
        path: None: they are only counted.
        rejects: the rows.

    Raises:
        InputError: if the file exists, or cannot be written.
    """
    rows = iter(rejects)
    start = next(rows, None)
    if start is None:
        return Rejects(path=path)
    first: list[RejectedRow] = []
    kept = _keeping(chain((start,), rows), first)
    if path is None:
        return Rejects(path=None, count=sum(1 for _ in kept), first=tuple(first))
    count = 0
    try:
        with replacing(path) as unfinished:
            with unfinished.open("w", encoding="utf-8") as stream:
                for row in kept:
                    stream.write(json.dumps(row.to_row()) + "\n")
                    count += 1
            path.open("x").close()  # Fails if another process has made the file.
    except OSError as error:
        raise InputError(
            f"{path}: rejected rows cannot be written there ({error.strerror}); "
            "name a new file with --rejects"
        ) from error
    return Rejects(path=path, count=count, first=tuple(first))


def _keeping(rows: Iterable[RejectedRow], first: list[RejectedRow]) -> Iterator[RejectedRow]:
    """The rows, of which the first ones are kept in `first`."""
    for row in rows:
        if len(first) < SHOWN_REJECTS:
            first.append(row)
        yield row
