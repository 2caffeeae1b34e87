"""`Memory.ingest` and the command on the real databases: data sets, preferences, metadata."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.other_tools import FILES, json_lines
from support.store_fixtures import MemoryUnderTest

from memreward.base import bars
from memreward.jobs.follow import FollowRequest, follow_files
from memreward.jobs.ingest import IngestOutcome, IngestRequest, ingest_files
from memreward.memory import Memory
from memstore.changes.batch_writer import IngestReport
from memstore.changes.rollout_writer import RolloutWriter
from memstore.formats.rejects import RejectedRow
from memstore.mapping.options import ShapeOptions
from memstore.settings import Settings
from schema.errors import InputError, ShapeError

ROWS: list[dict[str, Any]] = [
    {"prompt": [{"role": "user", "content": "What is 2 + 2?"}], "out": f"#### {n}", "good": n == 4}
    for n in range(3, 6)
]
MAP = {"query": "prompt", "completion": "out", "reward": "good"}


def ingest(memory: MemoryUnderTest, path: Path, run: str = "r", **shape: Any) -> IngestOutcome:
    request = IngestRequest(
        files=[path], memory=memory.name, run=run, shape=ShapeOptions(**shape), relink=False
    )
    with bars() as progress:
        return ingest_files(RolloutWriter(memory.stores, memory.name, run), request, progress)


def test_a_data_set_is_stored_once(memory: MemoryUnderTest, server_settings: Settings) -> None:
    datasets = pytest.importorskip("datasets")
    with Memory(memory.stores, server_settings, memory.name, "r") as opened:
        report = opened.ingest(datasets.Dataset.from_list(ROWS), map=MAP, policy="p")
        assert (report.new, report.labels, report.new_queries) == (3, 3, 1)
        report = opened.ingest(ROWS, map=MAP, policy="p")
        assert (report.new, report.existing, report.labels) == (0, 3, 0)
        with pytest.raises(ShapeError, match="missing `query`"):
            opened.ingest(ROWS)
        with pytest.raises(InputError, match="a int"):
            opened.ingest(3, map=MAP)
        with pytest.raises(InputError, match="several splits"):
            opened.ingest(datasets.DatasetDict({"a": datasets.Dataset.from_list(ROWS)}), map=MAP)
        with pytest.raises(InputError, match="1 rows are rejected"):
            opened.ingest([*ROWS, {"prompt": "q", "out": "4", "good": "maybe"}], map=MAP)


def test_preferences_are_stored_with_their_rollouts(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    (file,) = [file for file in FILES if file.format == "preferences"]
    path = json_lines(tmp_path / "a.jsonl", file.rows)
    outcome = ingest(memory, path, format="preferences")
    assert (outcome.report.new, outcome.preferences) == (6, 3)
    assert "3 preferences stored" in outcome.lines()
    rows = memory.ask(
        "MATCH (a:Answer {memory: $memory})-[:PREFERRED_TO]->(b:Answer) "
        "RETURN a.text AS better, b.text AS worse ORDER BY better"
    )
    assert [(row["better"], row["worse"]) for row in rows] == [("4", "5"), ("6", "7"), ("8", "9")]
    assert ingest(memory, path, format="preferences").preferences == 0


def test_other_metadata_of_what_is_known_is_refused(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    row = {"query": "q", "answer": "4", "dataset": "a", "domain": "d", "policy": "p"}
    path = json_lines(tmp_path / "a.jsonl", [row])
    assert ingest(memory, path).report.new == 1
    assert ingest(memory, path).report.new == 0
    for change, why in (
        ({"policy": "s"}, "policy 'p', here with 's'"),
        ({"dataset": "b"}, "dataset 'a' in the memory or in an earlier row, here 'b'"),
        ({"domain": "e"}, "domain 'd'"),
    ):
        json_lines(path, [{**row, **change}])
        with pytest.raises(InputError, match=why):
            ingest(memory, path)
    # What is not given claims nothing, and other runs may have other policies.
    json_lines(path, [{"query": "q", "answer": "4"}])
    assert ingest(memory, path).report.new == 0
    json_lines(path, [{**row, "policy": "s"}])
    assert ingest(memory, path, run="other").report.new == 1
    json_lines(path, [{**row, "query": "r"}, {**row, "query": "r", "dataset": "b", "answer": "5"}])
    with pytest.raises(InputError, match="earlier row"):
        ingest(memory, path)


def test_a_growing_file_is_stored_once_also_after_a_restart(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "a.jsonl", ROWS[:2])
    shape = ShapeOptions(map="query=prompt,completion=out,reward=good")
    request = FollowRequest(
        ingest=IngestRequest(files=[tmp_path], memory=memory.name, run="r", shape=shape),
        interval=0.01,
        idle=1.0,
    )
    rejects: list[RejectedRow] = []

    def grow(report: IngestReport) -> None:
        if report.new == 2:
            with path.open("a") as stream:
                stream.write(json.dumps(ROWS[2]) + "\n" + '{"prompt": "q"}\n')

    writer = RolloutWriter(memory.stores, memory.name, "r")
    report = follow_files(writer, request, grow, rejects.append)
    assert (report.new, report.existing, report.labels) == (3, 0, 3)
    assert [reject.line for reject in rejects] == [4]
    writer = RolloutWriter(memory.stores, memory.name, "r")
    again = follow_files(writer, request, lambda report: None, rejects.append)
    assert (again.new, again.existing) == (0, 3)
