"""Rows in memory, of rollouts or of labels, into a memory; files are the work of the commands."""

from collections.abc import Mapping, Sequence
from typing import Any

from memstore.changes.batch_writer import BatchWriter, IngestReport
from memstore.changes.ingestion import InputCheck, ingest
from memstore.changes.label_file import LabelOptions, LabelReader
from memstore.changes.labels import add_labels
from memstore.changes.pair_preferences import store_preferences
from memstore.db import Stores, get_memory
from memstore.formats import (
    DatasetRows,
    ReadOptions,
    RolloutReader,
    survey_rollouts,
    write_rejects,
)
from memstore.mapping import ShapeOptions
from schema.reward import LabelReport, Preference, VerifiedReward


def ingest_dataset(
    writer: BatchWriter,
    dataset: Any,
    shape: ShapeOptions,
    *,
    policy: str | None = None,
    skip_rejected: bool = False,
) -> IngestReport:
    """Check all rows, then store the good ones, and the preferences that they hold.

    Args:
        writer: takes the rollouts.
        dataset: a `datasets.Dataset`, or a list of rows.
        shape: where its columns are.
        policy: of rows that name none.
        skip_rejected: store the good rows although others are rejected.

    Raises:
        InputError: if the data set or, unless `skip_rejected`, a row cannot be used; nothing is
            written then.
        EncoderMismatchError: if the memory is stamped with another encoder.
        QuarantineError: if publication to it is stopped.
    """
    encoder = writer.encoder
    options = ReadOptions(
        policy=policy,
        encoder=encoder.name,
        dimension=encoder.dimension,
        mapping=shape.mapping(),
        reward=shape.reward(),
    )
    rows = DatasetRows.checked(dataset, options)
    check = InputCheck(writer)
    survey = survey_rollouts(RolloutReader([rows], options), None, observe=check)
    check.finish()
    if not skip_rejected:
        survey.rejects.refuse()
    report = ingest(
        [rows],
        options,
        writer,
        labelled=None,
        progress=lambda rows: None,
        checked=survey.marks,
    )
    if options.mapping is not None and options.mapping.is_preference:
        reader = RolloutReader([rows], options)
        store_preferences(reader, writer, shape.format or "data set")
    return report


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
