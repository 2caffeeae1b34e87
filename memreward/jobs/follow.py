"""Ingest of files that a trainer is still writing: rows are stored as they come."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from memreward.jobs.ingest import IngestRequest
from memstore.changes import BatchWriter, IngestReport, InputCheck, batched
from memstore.formats import (
    FollowedFiles,
    ReadRow,
    RejectedRow,
    RolloutReader,
)
from schema.errors import InputError
from schema.ids import checked_name
from schema.rollout import Rollout


@dataclass(frozen=True, kw_only=True)
class FollowRequest:
    """What `memreward ingest --follow` was asked for."""

    ingest: IngestRequest
    #: Seconds from one look to the next.
    interval: float = 5.0
    #: End after so many seconds without a new row; None: only when it is stopped.
    idle: float | None = None


def follow_files(
    writer: BatchWriter,
    request: FollowRequest,
    stored: Callable[[IngestReport], None],
    rejected: Callable[[RejectedRow], None],
) -> IngestReport:
    """Store what files hold and get, each row once, also after a restart.

    A rollout is known by its place, which is counted in the order of rows: what was stored by an
    earlier run of the command is found again, and adds nothing.

    Args:
        writer: of the memory and the run.
        request: which files, and how they are read.
        stored: told of the report whenever rows have become visible.
        rejected: told of each row that is none; it is not stored.

    Raises:
        InputError: if a file cannot be read, or is replaced or cut.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted in between.
    """
    asked = request.ingest
    checked_name(asked.memory, "memory")
    checked_name(asked.run, "run")
    options = asked.options(writer.encoder)
    if options.mapping is not None and options.mapping.is_preference:
        raise InputError("--follow stores no preferences: ingest the file when it is whole")
    files = FollowedFiles(paths=asked.files, options=options)
    reader = RolloutReader([], options)
    check = InputCheck(writer)
    last = time.monotonic()
    with suppress(KeyboardInterrupt):  # How it is stopped.
        while request.idle is None or time.monotonic() - last < request.idle:
            for chunk in files.new_rows():
                _store(writer, reader.more(chunk), check, rejected)
                last = time.monotonic()
                stored(writer.report)
            time.sleep(request.interval)
    if writer.report.new:
        writer.report.edges = writer.link_new()
    return writer.report


def _store(
    writer: BatchWriter,
    rows: Iterable[ReadRow],
    check: InputCheck,
    rejected: Callable[[RejectedRow], None],
) -> None:
    rollouts: list[Rollout] = []
    for row in rows:
        if isinstance(row.found, Rollout):
            check(row.found)
            rollouts.append(row.found)
        elif row.found is not None:
            rejected(row.found)
    check.finish()
    writer.write(batched(rollouts), lambda _: None)
