"""Labelling as a job: look at every row first, then write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from memreward.base import Bars
from memstore.changes import Label, LabelOptions, LabelReader, add_labels
from memstore.db import Stores, get_memory
from memstore.formats import RejectedRow, check_rejects_path, write_rejects
from memstore.shards import ShardedLabels, Shards
from schema.reward import LabelReport, Preference, VerifiedReward


@dataclass(frozen=True, kw_only=True)
class LabelRequest:
    """What `memreward label` was asked for."""

    file: Path
    memory: str
    annotator: str | None
    run: str | None = None
    #: A new file for rejected rows; None: they are shown only.
    rejects: Path | None = None
    skip_rejected: bool = False


@dataclass(frozen=True, kw_only=True)
class LabelOutcome:
    """What came of it."""

    report: LabelReport
    #: Rows that said what their annotator had said last.
    repeated: int
    rejected: int


class _OneMemory:
    """Labels of a memory that is not divided, as `ShardedLabels` has them of its shards."""

    def __init__(self, stores: Stores, file: Path, options: LabelOptions) -> None:
        get_memory(stores, options.memory)
        self._stores, self._memory = stores, options.memory
        self._reader = LabelReader(stores.vectors, file, options)

    def batches(self) -> Iterator[tuple[list[list[Label]], list[RejectedRow]]]:
        return (([labels], rejected) for labels, rejected in self._reader.batches())

    def add(self, labels: Sequence[Sequence[Label]]) -> LabelReport:
        return add_labels(
            self._stores,
            self._memory,
            [label for label in labels[0] if isinstance(label, VerifiedReward)],
            [label for label in labels[0] if isinstance(label, Preference)],
        )


def label_file(
    stores: Stores, request: LabelRequest, progress: Bars, shards: Shards | None = None
) -> LabelOutcome:
    """Check a whole file, then add its good rows a batch at a time.

    Args:
        stores: both databases.
        request: what was asked for.
        progress: told how far it is.
        shards: of a memory that is divided.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the file or, unless `skip_rejected`, a row cannot be used; nothing is
            written to the databases then.
    """
    options = LabelOptions(memory=request.memory, annotator=request.annotator, run=request.run)
    reader = (
        _OneMemory(stores, request.file, options)
        if shards is None
        else ShardedLabels(shards, request.file, options)
    )
    if request.rejects is not None:
        check_rejects_path(request.rejects, [request.file])
    good, rejected = _look(reader, request, progress)
    report, done = LabelReport(), 0
    for labels, _ in reader.batches():
        report += reader.add(labels)
        done += sum(len(own) for own in labels)
        progress("store labels", done, good)
    repeated = good - report.rewards - report.preferences
    return LabelOutcome(report=report, repeated=repeated, rejected=rejected)


def _look(
    reader: _OneMemory | ShardedLabels, request: LabelRequest, progress: Bars
) -> tuple[int, int]:
    """Good and rejected rows; the latter are written to a file."""
    good = 0

    def rejects() -> Iterator[RejectedRow]:
        nonlocal good
        rejected = 0
        for labels, refused in reader.batches():
            good += sum(len(own) for own in labels)
            rejected += len(refused)
            yield from refused
            progress("check rows", good + rejected, None)

    written = write_rejects(request.rejects, rejects())
    if not request.skip_rejected:
        written.refuse()
    return good, written.count
