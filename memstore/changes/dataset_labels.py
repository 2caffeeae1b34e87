"""Labels from a list of rows in memory; files are the work of the command."""

from collections.abc import Mapping, Sequence
from typing import Any

from memstore.changes.label_file import LabelOptions, LabelReader
from memstore.changes.labels import LabelReport, add_labels
from memstore.db import Stores, get_memory
from memstore.formats import write_rejects
from schema.reward import Preference, VerifiedReward


def label_dataset(
    stores: Stores, rows: Sequence[Mapping[str, Any]], options: LabelOptions
) -> LabelReport:
    """Check all rows, then store the rewards and preferences that they hold.

    Args:
        stores: both databases.
        rows: of the form of a file of labels (docs/labels.md).
        options: what rows need not say themselves.

    Raises:
        InputError: if a row cannot be used; nothing is written then.
        UnknownMemoryError: if there is no such memory.
        QuarantineError: if publication to it is stopped.
    """
    get_memory(stores, options.memory)
    reader = LabelReader(stores.vectors, rows, options)
    write_rejects(None, (row for _, refused in reader.batches() for row in refused)).refuse()
    report = LabelReport()
    for labels, _ in reader.batches():
        report += add_labels(
            stores,
            options.memory,
            [label for label in labels if isinstance(label, VerifiedReward)],
            [label for label in labels if isinstance(label, Preference)],
        )
    return report
