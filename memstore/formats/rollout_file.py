"""A file that rollouts are collected into: JSON Lines in the input format, one rollout a line."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from memstore.formats.rollout_row import to_row
from schema.errors import InputError
from schema.rollout import Rollout


class RolloutFile:
    """Appends whole batches; a line that was cut off is dropped when the file is opened again."""

    def __init__(self, path: Path) -> None:
        """Open `path`, or make it.

        Raises:
            InputError: if it is no JSON Lines file of rollouts, or cannot be written.
        """
        self._path = path
        #: (source query id, place) of what it holds.
        self.stored: set[tuple[str, int]] = set()
        if path.suffix != ".jsonl":
            raise InputError(f"{path}: rollouts are written as JSON Lines; give a name in .jsonl")
        if path.exists():
            self._read()

    def append(self, rollouts: Sequence[Rollout]) -> None:
        """Write rollouts; they are on disk when this returns."""
        text = "".join(map(_line, rollouts))
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({error.strerror})") from error
        self.stored.update((rollout.source_query_id, rollout.place) for rollout in rollouts)

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole, newline, rest = content.rpartition(b"\n")
        try:
            for line in whole.splitlines() if newline else ():
                row = json.loads(line)
                self.stored.add((row["query_id"], row["rollout"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self._path}: holds something else than collected rollouts; give another name"
            ) from error
        if rest:
            os.truncate(self._path, len(content) - len(rest))


def _line(rollout: Rollout) -> str:
    """A row of the input format; of the policy's embedding five digits, to keep files small."""
    row = to_row(rollout)
    if rollout.policy_embedding is not None:
        row["policy_embedding"] = [float(f"{x:.5g}") for x in rollout.policy_embedding]
    return json.dumps(row) + "\n"
