"""Labels of a memory that is divided: each row goes to the shard that holds its rollout.

Every shard looks at every row, and all but one do not know its rollout.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memstore.changes import Label, LabelOptions, LabelReader, add_labels
from memstore.formats import RejectedRow, write_rejects
from memstore.shards.division import Shards
from schema.errors import UnknownMemoryError
from schema.reward import LabelReport, Preference, VerifiedReward


class ShardedLabels:
    """Reads labels, as often as it is asked to; every pass gives the same."""

    def __init__(
        self,
        shards: Shards,
        labels: Path | Sequence[Mapping[str, Any]],
        options: LabelOptions,
    ) -> None:
        """Read a file, or rows in memory.

        Raises:
            UnknownMemoryError: if nothing was stored yet, or a shard was deleted.
        """
        division = shards.division()
        if division is None or not any(shards.states(division)):
            raise UnknownMemoryError(f"there is no memory {shards.memory!r}: nothing was stored")
        self._shards = shards
        self._readers = [
            LabelReader(part.stores.vectors, labels, replace(options, memory=part.name))
            for part in shards.parts
        ]

    def batches(self) -> Iterator[tuple[list[list[Label]], list[RejectedRow]]]:
        """Labels of each shard, and rows that fit none, of the next rows each.

        Raises:
            InputError: see `LabelReader.batches`.
        """
        for found in zip(*(reader.batches_by_line() for reader in self._readers), strict=True):
            holders = Counter(line for good, _ in found for line, _ in good)
            twice = {line for line, count in holders.items() if count > 1}
            labels = [[label for line, label in good if line not in twice] for good, _ in found]
            yield labels, self._rejected([bad for _, bad in found], holders)

    def _rejected(
        self, refused: Sequence[Sequence[RejectedRow]], holders: Mapping[int, int]
    ) -> list[RejectedRow]:
        """Rows that no shard takes, each with the reason that fewest gave, or that several take."""
        by_line: dict[int, list[RejectedRow]] = {}
        for part, rows in zip(self._shards.parts, refused, strict=True):
            for row in rows:
                said = row.reason.replace(repr(part.name), repr(self._shards.memory))
                by_line.setdefault(row.line, []).append(replace(row, reason=said))
        rejected: list[RejectedRow] = []
        for line, rows in sorted(by_line.items()):
            counts = Counter(row.reason for row in rows)
            row = min(rows, key=lambda row: counts[row.reason])
            if holders.get(line, 0) > 1:
                row = replace(row, reason="several shards have such a rollout: give its whole id")
            if holders.get(line, 0) != 1:
                rejected.append(row)
        return rejected

    def add(self, labels: Sequence[Sequence[Label]]) -> LabelReport:
        """Store labels of each shard; the same again adds nothing.

        Raises:
            MemrewardError: see `add_labels`.
        """
        report = LabelReport()
        for part, own in zip(self._shards.parts, labels, strict=True):
            if own:
                report += add_labels(
                    part.stores,
                    part.name,
                    [label for label in own if isinstance(label, VerifiedReward)],
                    [label for label in own if isinstance(label, Preference)],
                )
        return report


def label_shards(
    shards: Shards, rows: Sequence[Mapping[str, Any]], options: LabelOptions
) -> LabelReport:
    """Check all rows, then store the rewards and preferences that they hold.

    Raises:
        InputError: if a row cannot be used; nothing is written then.
        UnknownMemoryError: if nothing was stored yet, or a shard was deleted.
    """
    reader = ShardedLabels(shards, rows, options)
    write_rejects(None, (row for _, refused in reader.batches() for row in refused)).refuse()
    report = LabelReport()
    for labels, _ in reader.batches():
        report += reader.add(labels)
    return report
