"""Preferences that input files hold: of the two rollouts of a row the first is preferred."""

from collections.abc import Iterator
from itertools import islice

from memstore.changes.labels import add_labels
from memstore.db import Stores
from memstore.formats import RolloutReader
from schema.ids import rollout_id
from schema.reward import LabelReport, Preference
from schema.rollout import Rollout

PREFERENCES_A_BATCH = 1_024


def store_preferences(
    stores: Stores, reader: RolloutReader, memory: str, run: str, annotator: str
) -> int:
    """Store the preferences of files whose rollouts are stored; return how many are new.

    Args:
        stores: both databases.
        reader: see `pair_preferences`.
        memory: that the rollouts are in.
        run: of the rollouts.
        annotator: whom the preferences are from.

    Raises:
        InputError: if a file changes, or the annotator has said otherwise of a pair.
        UnknownMemoryError: if the memory is deleted.
    """
    found = pair_preferences(reader, memory, run, annotator)
    added = LabelReport()
    while batch := list(islice(found, PREFERENCES_A_BATCH)):
        added += add_labels(stores, memory, [], batch)
    return added.preferences


def pair_preferences(
    reader: RolloutReader, memory: str, run: str, annotator: str
) -> Iterator[Preference]:
    """Yield a preference for each row of whose rollouts both can be stored.

    Args:
        reader: of files whose mapping gives two rollouts a row; it was not iterated yet.
        memory: that they are stored in.
        run: of the rollouts.
        annotator: whom the preferences are from.

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
            ids = [
                rollout_id(memory, run, said.source_query_id, said.step, said.place)
                for said in (better, row.found)
            ]
            yield Preference(better=ids[0], worse=ids[1], annotator=annotator)
        better = None
