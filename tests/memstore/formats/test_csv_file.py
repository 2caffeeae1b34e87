"""CSV files become the same rollouts as JSON Lines; what is wrong is said with its line."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from support.malformed_rows import ROW

from memstore.formats.files import inspect_files
from memstore.formats.rollout_reader import RejectedRow, read_rollouts
from memstore.formats.rollout_row import ReadOptions, to_row
from schema.errors import InputError
from schema.rollout import Rollout

OPTIONS = ReadOptions(dimension=3)


def written(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list({name: None for row in rows for name in row}))
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {n: json.dumps(v) if isinstance(v, list) else v for n, v in row.items()}
            )
    return path


def test_every_column_is_read_as_from_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(ROW))
    (expected,) = read_rollouts([tmp_path / "a.jsonl"], OPTIONS)
    (found,) = read_rollouts([written(tmp_path / "a.csv", ROW)], OPTIONS)
    assert isinstance(expected, Rollout)
    assert isinstance(found, Rollout)
    assert to_row(found) == to_row(expected)


def test_texts_stay_texts_and_empty_cells_are_not_given(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"query": "[1, 2]", "query_id": "007", "answer": 'a "b",\nc', "reward": "true"},
        {"query": "007", "query_id": "", "answer": "1e3", "reward": "", "x": "1"},
    ]
    first, second = read_rollouts([written(tmp_path / "a.csv", *rows)], OPTIONS)
    assert isinstance(first, Rollout)
    assert isinstance(second, Rollout)
    assert (first.query, first.source_query_id, first.answer) == ("[1, 2]", "007", 'a "b",\nc')
    assert (first.reward, second.reward) == (1.0, None)
    assert (second.query, second.answer) == ("007", "1e3")
    assert inspect_files([tmp_path / "a.csv"])[0].ignored_columns == ("x",)


def test_long_texts_fit(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", {"query": "q", "answer": "x" * 500_000})
    (found,) = read_rollouts([path], OPTIONS)
    assert isinstance(found, Rollout)
    assert len(found.answer) == 500_000


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("q,1,nan", "`reward` is nan"),
        ("q,1,good", "`reward` is the text 'good'"),
        ("q,1", "fewer cells"),
        ("q,1,1,1", "more cells"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"query,answer,reward\nq,1,1\n{row}\nq,2,0\n")
    _, bad, last = read_rollouts([path], OPTIONS)
    assert isinstance(bad, RejectedRow)
    assert isinstance(last, Rollout)
    assert (bad.line, said in bad.reason) == (3, True), bad


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"query,answer\n", "holds no rows"),
        (b"query,reply\na,b\n", "missing `answer`"),
        (b"query,answer,answer\na,b,c\n", "same name"),
        (b'query,answer\na,"b\n', "cannot be read as CSV"),
        (b"query,answer\na,\xff\n", "UTF-8"),
        (b"PAR1", "in spite of its name"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        inspect_files([path])
