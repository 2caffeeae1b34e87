"""Labelling as a job: look at every row first, then write."""

import json
from dataclasses import dataclass
from pathlib import Path

from memreward.base import Bars
from memstore.changes import LabelOptions, LabelReader, LabelReport, add_labels
from memstore.db import Stores, get_memory
from memstore.formats import RejectedRow
from schema.errors import InputError
from schema.reward import Preference, VerifiedReward

SHOWN_REJECTS = 5


@dataclass(frozen=True, kw_only=True)
class LabelRequest:
    """What `memreward label` was asked for."""

    file: Path
    memory: str
    annotator: str | None
    run: str | None = None
    rejects: Path = Path("rejected.jsonl")
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
    good, shown, rejected = 0, list[RejectedRow](), 0
    stream = None
    try:
        for labels, rejects in reader.batches():
            good += len(labels)
            rejected += len(rejects)
            if rejects and stream is None:
                stream = request.rejects.open("w", encoding="utf-8")
            for reject in rejects:
                assert stream is not None
                stream.write(json.dumps(_as_json(reject), ensure_ascii=False) + "\n")
            shown += rejects[: SHOWN_REJECTS - len(shown)]
            progress("check rows", good + rejected, None)
    except OSError as error:
        raise InputError(
            f"{request.rejects}: rejected rows cannot be written ({error.strerror}); name another "
            "file with --rejects"
        ) from error
    finally:
        if stream is not None:
            stream.close()
    if rejected and not request.skip_rejected:
        lines = "\n".join(f"  {reject}" for reject in shown)
        raise InputError(
            f"{rejected} rows are rejected, nothing was written:\n{lines}\nall of them, with "
            f"reasons: {request.rejects}; mend them, or take the rest with --skip-rejected"
        )
    return good, rejected


def _as_json(reject: RejectedRow) -> dict[str, object]:
    return {
        "path": str(reject.path),
        "line": reject.line,
        "reason": reject.reason,
        "excerpt": reject.excerpt,
    }
