"""Growing files give each finished row once."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.other_tools import inspect_sample, json_log, parquet

from memstore.formats import followed
from memstore.formats.followed import FollowedFiles
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping.options import ShapeOptions
from schema.errors import InputError


def line(number: int) -> str:
    return json.dumps({"query": f"q{number}", "answer": "4"}) + "\n"


def looked(files: FollowedFiles) -> list[tuple[str, int, Any]]:
    return [
        (chunk.path.name, row.line, row.values.get("query", row.fault))
        for chunk in files.new_rows()
        for row in chunk.rows()
    ]


def test_lines_are_read_when_they_are_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    files = FollowedFiles(paths=[path], options=ReadOptions())
    assert looked(files) == []
    path.write_text(line(1) + line(2) + line(3)[:10])
    assert looked(files) == [("a.jsonl", 1, "q1"), ("a.jsonl", 2, "q2")]
    assert looked(files) == []
    with path.open("a") as stream:
        stream.write(line(3)[10:] + "\n{bad\n" + line(4))
    found = looked(files)
    assert [at for _, at, _ in found] == [3, 5, 6]
    assert found[0][2] == "q3" and "not JSON" in found[1][2]


def test_chunks_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "CHUNK_BYTES", 100)
    path = tmp_path / "a.jsonl"
    path.write_text("".join(map(line, range(40))))
    files = FollowedFiles(paths=[path], options=ReadOptions())
    sizes = [chunk.n_rows for chunk in files.new_rows()]
    assert sum(sizes) == 40 and max(sizes) < 6


def test_new_files_of_a_folder_and_whole_files_when_they_have_settled(tmp_path: Path) -> None:
    files = FollowedFiles(paths=[tmp_path], options=ReadOptions())
    assert looked(files) == []
    (tmp_path / "2.jsonl").write_text(line(2))
    parquet(tmp_path / "1.parquet", [{"query": "p", "answer": "4"}])
    assert looked(files) == [("2.jsonl", 1, "q2")]
    parquet(tmp_path / "1.parquet", [{"query": "p", "answer": "4"}, {"query": "r", "answer": "4"}])
    assert looked(files) == []
    assert looked(files) == [("1.parquet", 1, "p"), ("1.parquet", 2, "r")]
    (tmp_path / "10.jsonl").write_text(line(10))
    assert looked(files) == [("10.jsonl", 1, "q10")]


def test_a_file_that_is_replaced_or_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line(1) + line(2))
    files = FollowedFiles(paths=[path], options=ReadOptions())
    looked(files)
    path.write_text(line(1))
    with pytest.raises(InputError, match="replaced or cut"):
        looked(files)


def test_documents_are_files_that_settle(tmp_path: Path) -> None:
    options = ReadOptions(mapping=ShapeOptions(format="inspect").mapping())
    path = json_log(tmp_path / "log.json", [inspect_sample(1, "4", "C")])
    files = FollowedFiles(paths=[path], options=options)
    assert looked(files) == []
    assert len(looked(files)) == 1
