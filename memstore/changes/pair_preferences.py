"""Preferences that input files hold: of the two rollouts of a row the first is preferred."""

from collections.abc import Iterator
from itertools import islice

from memstore.changes.batch_writer import BatchWriter
from memstore.formats import RolloutReader
from schema.rollout import Rollout

PREFERENCES_A_BATCH = 1_024


def store_preferences(reader: RolloutReader, writer: BatchWriter, annotator: str) -> int:
    """Store the preferences of files whose rollouts are stored; return how many are new.

    Args:
        reader: see `preferred_pairs`.
        writer: that has stored the rollouts.
        annotator: whom the preferences are from.

    Raises:
        InputError: if a file changes, or the annotator has said otherwise of a pair.
        UnknownMemoryError: if the memory is deleted.
    """
    found, added = preferred_pairs(reader), 0
    while batch := list(islice(found, PREFERENCES_A_BATCH)):
        added += writer.prefer(batch, annotator)
    return added


def preferred_pairs(reader: RolloutReader) -> Iterator[tuple[Rollout, Rollout]]:
    """Yield the two rollouts of each row of which both can be stored, the better one first.

    Args:
        reader: of files whose mapping gives two rollouts a row; it was not iterated yet.

    Raises:
        InputError: if a file is damaged or changes.
    """
    better: Rollout | None = None
    place = ("", 0)
    for row in reader.rows():
        here = str(row.path), row.line
        if here != place:
            better, place = None, here
            if isinstance(row.found, Rollout):
                better = row.found
            continue
        if better is not None and isinstance(row.found, Rollout):
            yield better, row.found
        better = None
