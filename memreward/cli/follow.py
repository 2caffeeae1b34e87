"""`memreward ingest --follow`: what it does with the options, and what it says."""

import time
from typing import Final

from memreward.base import connected_whole, console, err_console
from memreward.jobs import FollowRequest, IngestRequest, follow_files
from memstore.changes import IngestReport
from memstore.formats import RejectedRow
from memstore.shards import writer_of
from schema.errors import InputError

#: Rejected rows that are shown, and seconds between two lines of counts.
SHOWN_REJECTS: Final = 20
SECONDS_A_LINE: Final = 5.0


def require_names(request: IngestRequest) -> None:
    """Check that a memory and a run are named.

    Raises:
        InputError: if one is not.
    """
    for name, option in ((request.memory, "--memory"), (request.run, "--run")):
        if not name:
            raise InputError(f"{option} is missing: name it, or add --dry-run to write nothing")


class _Told:
    """Says now and then how much is stored, and why rows are not."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.rejected = 0
        self._last = 0.0

    def stored(self, report: IngestReport) -> None:
        if time.monotonic() - self._last >= SECONDS_A_LINE:
            self._last = time.monotonic()
            self.line(report)

    def line(self, report: IngestReport) -> None:
        console.print(
            f"{report.new} new, {report.existing} existing, {self.rejected} rejected rollouts; "
            f"{report.new_queries} new queries, {report.labels} verified rewards stored",
            soft_wrap=True,
        )

    def reject(self, row: RejectedRow) -> None:
        self.rejected += 1
        if self.rejected <= SHOWN_REJECTS:
            err_console.print(str(row), soft_wrap=True, markup=False)


def run_follow(request: FollowRequest, shards: int | None, *, is_rehearsal: bool) -> None:
    """Store rows as they come, until it is stopped; `shards`: of a memory that is new.

    Raises:
        InputError: if an option does not go with it, or a file cannot be read.
    """
    asked = request.ingest
    for given, option in (
        (is_rehearsal, "--dry-run"),
        (asked.labels is not None, "--labels"),
        (asked.rejects is not None, "--rejects"),
    ):
        if given:
            raise InputError(f"{option} needs whole files: leave it out, or --follow")
    require_names(asked)
    told = _Told()
    with connected_whole(asked.memory, shards=shards) as (stores, found):
        writer = writer_of(stores, asked.memory, asked.run, found)
        report = follow_files(writer, request, told.stored, told.reject)
    told.line(report)
