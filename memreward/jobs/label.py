"""Labelling as a job: look at every row first, then write."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memreward.base import Bars
from memstore.changes import LabelOptions, LabelReader, add_labels
from memstore.db import Stores, get_memory
from memstore.formats import RejectedRow, check_rejects_path, write_rejects
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


def label_file(stores: Stores, request: LabelRequest, progress: Bars) -> LabelOutcome:
    """Check a whole file, then add its good rows a batch at a time.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the file or, unless `skip_rejected`, a row cannot be used; nothing is
            written to the databases then.
    """
    get_memory(stores, request.memory)
    if request.rejects is not None:
        check_rejects_path(request.rejects, [request.file])
    options = LabelOptions(memory=request.memory, annotator=request.annotator, run=request.run)
    reader = LabelReader(stores.vectors, request.file, options)
    good, rejected = _look(reader, request, progress)
    report, done = LabelReport(), 0
    for labels, _ in reader.batches():
        report += add_labels(
            stores,
            request.memory,
            [label for label in labels if isinstance(label, VerifiedReward)],
            [label for label in labels if isinstance(label, Preference)],
        )
        done += len(labels)
        progress("store labels", done, good)
    repeated = good - report.rewards - report.preferences
    return LabelOutcome(report=report, repeated=repeated, rejected=rejected)


def _look(reader: LabelReader, request: LabelRequest, progress: Bars) -> tuple[int, int]:
    """Good and rejected rows; the latter are written to a file."""
    good = 0

    def rejects() -> Iterator[RejectedRow]:
        nonlocal good
        rejected = 0
        for labels, refused in reader.batches():
            good += len(labels)
            rejected += len(refused)
            yield from refused
            progress("check rows", good + rejected, None)

    written = write_rejects(request.rejects, rejects())
    if not request.skip_rejected:
        written.refuse()
    return good, written.count
