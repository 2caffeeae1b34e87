"""Following files without servers: what is handed to the writer, and what is not."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.other_tools import json_lines

from memreward.jobs import follow
from memreward.jobs.follow import FollowRequest, follow_files
from memreward.jobs.ingest import IngestRequest
from memstore.changes.batch_writer import IngestReport
from memstore.formats.rejects import RejectedRow
from memstore.mapping.options import ShapeOptions
from schema.errors import InputError
from schema.rollout import Rollout

ROW = {"query": "q", "completion": "#### 4", "reward": 1.0}


class Writer:
    """Keeps what it is given."""

    written: list[Rollout]

    def __init__(self, *_: object) -> None:
        self.encoder = SimpleNamespace(name="e", dimension=3)
        self.report = IngestReport()
        Writer.written = []

    def link_new(self) -> int:
        return 0

    def write(self, batches: Iterable[list[Rollout]], progress: object) -> None:
        for batch in batches:
            Writer.written += batch
            self.report.new += len(batch)


def writer() -> Any:
    return Writer()


class Check:
    """Finds nothing wrong."""

    def __init__(self, *_: object) -> None:
        self.finished = 0

    def __call__(self, rollout: Rollout) -> None:
        pass

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "InputCheck", Check)


def request(path: Path, **shape: Any) -> FollowRequest:
    asked = IngestRequest(files=[path], memory="m", run="r", shape=ShapeOptions(**shape))
    return FollowRequest(ingest=asked, interval=0.0, idle=0.2)


def test_rows_are_handed_on_as_they_come(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [ROW, {**ROW, "reward": 2}])
    seen: list[int] = []
    rejects: list[RejectedRow] = []

    def grow(report: IngestReport) -> None:
        seen.append(report.new)
        if report.new == 1:
            with path.open("a") as stream:
                stream.write(json.dumps({**ROW, "step": 2}) + "\n" + json.dumps(ROW))

    report = follow_files(writer(), request(tmp_path), grow, rejects.append)
    assert (seen, report.new) == ([1, 2], 2)
    assert [(row.step, row.place) for row in Writer.written] == [(0, 0), (2, 0)]
    assert [row.line for row in rejects] == [2]  # The last line is not finished.


def test_being_stopped_is_no_error(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [ROW])

    def stop(report: IngestReport) -> None:
        raise KeyboardInterrupt

    assert follow_files(writer(), request(path), stop, print).new == 1


def test_preferences_are_not_followed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--follow stores no preferences"):
        follow_files(writer(), request(tmp_path, format="preferences"), print, print)
