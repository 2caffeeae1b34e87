"""The same rows come out of every container, in bounded pieces; damaged ones are refused."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from memstore.containers.documents import document_rows
from memstore.containers.folders import expanded
from memstore.containers.inspect_archives import archive_rows
from memstore.containers.standard_input import with_standard_input
from memstore.formats.files import inspect_files, object_rows
from memstore.formats.rollout_reader import read_rollouts
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping.options import ShapeOptions
from schema.errors import InputError
from schema.rollout import Rollout

ROWS: list[dict[str, Any]] = [
    {"query": "q", "completion": "#### 4", "reward": 1.0, "step": 3},
    {"query": "q", "completion": "#### 5", "reward": 0.0, "step": 3},
    {"query": "é", "completion": "#### 6", "reward": 0.5, "step": 12},
]


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def zstd_stream(path: Path, data: bytes) -> None:
    with pa.output_stream(str(path), compression="zstd") as stream:
        stream.write(data)


def arrow_stream(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def arrow_file(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def saved(path: Path, rows: list[dict[str, Any]]) -> None:
    """A folder as `datasets.Dataset.save_to_disk` writes it, in two files."""
    path.mkdir()
    arrow_stream(path / "data-00000-of-00002.arrow", rows[:1])
    arrow_stream(path / "data-00001-of-00002.arrow", rows[1:])
    files = [{"filename": f"data-0000{part}-of-00002.arrow"} for part in range(2)]
    (path / "state.json").write_text(json.dumps({"_data_files": files, "_split": None}))
    (path / "dataset_info.json").write_text("{}")


def partitioned(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    pads.write_dataset(
        table,
        str(path),
        format="parquet",
        partitioning=pads.partitioning(pa.schema([("step", pa.int64())]), flavor="hive"),
    )


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], Any]] = {
    "a.jsonl": lambda path, rows: path.write_bytes(as_lines(rows)),
    "a.jsonl.gz": lambda path, rows: path.write_bytes(gzip.compress(as_lines(rows))),
    "a.jsonl.zst": lambda path, rows: zstd_stream(path, as_lines(rows)),
    "a.json": lambda path, rows: path.write_text(json.dumps(rows, indent=1)),
    "lines.json": lambda path, rows: path.write_bytes(as_lines(rows)),
    "object.json": lambda path, rows: path.write_text(json.dumps({"n": 3, "rows": rows})),
    "a.json.gz": lambda path, rows: path.write_bytes(gzip.compress(json.dumps(rows).encode())),
    "a.csv": lambda path, rows: path.write_bytes(as_csv(rows)),
    "a.csv.gz": lambda path, rows: path.write_bytes(gzip.compress(as_csv(rows))),
    "a.csv.zst": lambda path, rows: zstd_stream(path, as_csv(rows)),
    "a.parquet": lambda path, rows: pq.write_table(pa.Table.from_pylist(rows), path),
    "stream.arrow": arrow_stream,
    "file.arrow": arrow_file,
    "saved": saved,
    "partitioned": partitioned,
}


def told(path: Path, options: ReadOptions | None = None) -> list[tuple[Any, ...]]:
    return [
        (row.query, row.answer, row.reward, row.step)
        for row in read_rollouts([path], options)
        if isinstance(row, Rollout)
    ]


EXPECTED = [("q", "4", 1.0, 3), ("q", "5", 0.0, 3), ("é", "6", 0.5, 12)]


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_gives_the_same_rollouts(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    assert sorted(told(tmp_path / name)) == sorted(EXPECTED)


@pytest.mark.parametrize("name", WRITERS)
def test_every_container_can_be_mapped(name: str, tmp_path: Path) -> None:
    rows = [
        {"p": row["query"], "out": row["completion"], "s": row["reward"], "step": row["step"]}
        for row in ROWS
    ]
    WRITERS[name](tmp_path / name, rows)
    shape = ShapeOptions(map="query=p,completion=out,reward=s,step=step")
    options = ReadOptions(mapping=shape.mapping(), reward=shape.reward())
    assert sorted(told(tmp_path / name, options)) == sorted(EXPECTED)
    assert len(list(object_rows(tmp_path / name))) == 3


def test_what_datasets_saves_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).select([0, 2]).save_to_disk(str(tmp_path / "set"))
    assert told(tmp_path / "set") == [EXPECTED[0], EXPECTED[2]]
    splits = datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)})
    splits.save_to_disk(str(tmp_path / "splits"))
    with pytest.raises(InputError, match=r"several splits; name one: .*train"):
        inspect_files([tmp_path / "splits"])


def test_a_folder_is_its_files_in_order(tmp_path: Path) -> None:
    for name in ("2.jsonl", "10.jsonl", "sub/1.json", ".hidden.jsonl", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            json.dumps(
                [{**ROWS[0], "query": name}] if name == "sub/1.json" else {**ROWS[0], "query": name}
            )
        )
    found = [path.name for path in expanded([tmp_path])]
    assert found == ["2.jsonl", "10.jsonl", "1.json"]
    assert [row[0] for row in told(tmp_path)] == ["2.jsonl", "10.jsonl", "sub/1.json"]


def test_standard_input_is_known_by_how_it_begins(tmp_path: Path) -> None:
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), table)
    for data in (
        as_lines(ROWS),
        json.dumps(ROWS).encode(),
        gzip.compress(as_lines(ROWS)),
        table.getvalue(),
    ):
        with with_standard_input([Path("-")], io.BytesIO(data)) as (path,):
            assert told(path) == EXPECTED
        assert not path.exists()
    with pytest.raises(InputError, match="once"), with_standard_input([Path("-"), Path("-")]):
        pass


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.jsonl.zst", as_lines(ROWS), "not a Zstandard file"),
        ("a.jsonl.gz", as_lines(ROWS), "not a gzip file"),
        ("a.json", b"[1, 2]", "no list of JSON objects"),
        ("a.json", b'{"a": 1}', "0 lists of rows"),
        ("a.json", b'{"a": [{}], "b": [{}]}', "2 lists of rows"),
        ("a.json", b"[{", "not JSON"),
        ("a.arrow", b"x" * 100, "cannot be read as Arrow"),
        ("a.eval", b"x" * 100, "no whole archive"),
        ("a.jsonl", b"\x28\xb5\x2f\xfd" + b"x" * 9, "rename it to .jsonl.zst"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(
    name: str, data: bytes, why: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=why):
        inspect_files([tmp_path / name])


def test_a_stream_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    zstd_stream(tmp_path / "a.jsonl.zst", as_lines(ROWS * 10_000))
    whole = (tmp_path / "a.jsonl.zst").read_bytes()
    (tmp_path / "a.jsonl.zst").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="Zstandard stream is damaged or cut off"):
        list(object_rows(tmp_path / "a.jsonl.zst"))


def test_an_archive_without_samples_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("header.json", "{}")
    with pytest.raises(InputError, match="no log of Inspect with samples"):
        list(archive_rows(tmp_path / "a.eval"))


@pytest.mark.parametrize(
    ("head", "sample", "why"),
    [
        ("[]", "{}", "header.json is no JSON object"),
        ("{}", "[1]", "samples/1.json is no JSON object"),
        ("{}", "[" * 99_999, "no whole archive"),
        ("{}", "{", "no whole archive"),
        ("{}", '{"x": "' + "a" * 5_000 + '"}', "has more than 4,096 bytes"),
    ],
)
def test_a_hostile_archive_is_refused(
    head: str, sample: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "more than" in why:
        monkeypatch.setattr("memstore.containers.inspect_archives.MAX_PART_BYTES", 4_096)
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("header.json", head)
        archive.writestr("samples/1.json", sample)
    with pytest.raises(InputError, match=why):
        list(archive_rows(tmp_path / "a.eval"))


def test_a_document_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memstore.containers.documents.MAX_BYTES", 10)
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    with pytest.raises(InputError, match="jq"):
        list(document_rows(tmp_path / "a.json"))


def test_files_that_change_are_refused_in_folders_too(tmp_path: Path) -> None:
    saved(tmp_path / "saved", ROWS)
    (file,) = inspect_files([tmp_path / "saved"])
    arrow_stream(tmp_path / "saved" / "data-00001-of-00002.arrow", ROWS)
    with pytest.raises(InputError, match="changed since it was checked"):
        list(file.rows())
