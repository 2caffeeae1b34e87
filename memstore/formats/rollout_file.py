"""A file that rollouts are collected into: JSON Lines in the input format, one rollout a line."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schema.errors import InputError
from schema.rollout import POLICY_SIGNALS, Rollout

_PLAIN: Final = (
    "query",
    "step",
    "dataset",
    "domain",
    "thinking",
    "answer",
    "policy",
    "reward",
    "completion_tokens",
    "truncated",
    "policy_layer",
)


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
        text = "".join(json.dumps(row_of(rollout)) + "\n" for rollout in rollouts)
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


def row_of(rollout: Rollout) -> dict[str, Any]:
    """A rollout as a row of the input format."""
    row: dict[str, Any] = {"query_id": rollout.source_query_id, "rollout": rollout.place}
    row |= {name: getattr(rollout, name) for name in _PLAIN}
    if rollout.policy_signals is not None:
        row |= dict(zip(POLICY_SIGNALS, rollout.policy_signals, strict=True))
    if rollout.policy_embedding is not None:
        row["policy_embedding"] = [float(f"{x:.5g}") for x in rollout.policy_embedding]
    return {name: value for name, value in row.items() if value is not None}
