"""`memreward verify`: verdicts in order, without servers, and nothing written of a bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from memreward.cli.main import app

SUM = "How much is 1 + 2?"
ROWS: list[dict[str, Any]] = [
    {"query": SUM, "answer": "\\boxed{3}", "gold": "3", "id": "a"},
    {"query": SUM, "completion": "<think>It is 3.</think>So 4", "gold": 3},
    {"query": SUM, "answer": "3", "gold": "\\frac{"},
    {"query": "Which?\nA. one\nB. two", "answer": "two", "gold": "B"},
]


def verify(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_come_back_in_order_with_reward_and_reason(tmp_path: Path) -> None:
    first, second = (written(tmp_path / f"{n}.jsonl", ROWS[n::2]) for n in (0, 1))
    result = verify(first, second)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["reward"] for row in rows] == [1, None, 0, 1]
    assert rows[0] == {**ROWS[0], "reward": 1, "reason": "the same result"}
    assert "cannot be read" in rows[1]["reason"]


def test_rows_go_into_a_file_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert verify(written(tmp_path / "in.jsonl", ROWS), "--out", out).stdout == ""
    assert [json.loads(line)["reward"] for line in out.read_text().splitlines()] == [1, 0, None, 1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"query": SUM, "gold": "3"}, "either `answer` or `completion`"),
        ({"query": SUM, "answer": "3", "completion": "3", "gold": "3"}, "either `answer`"),
        ({"answer": "3", "gold": "3"}, "`query` is missing"),
        ({"query": SUM, "answer": "3"}, "give `gold` or `tests`"),
        ({"query": SUM, "answer": 3, "gold": "3"}, "answer"),
        ({"query": SUM, "answer": "x = 1", "tests": "assert x"}, "--run-code"),
    ],
)
def test_a_bad_row_is_named_before_anything_is_written(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    out = tmp_path / "out.jsonl"
    result = verify(written(tmp_path / "in.jsonl", [ROWS[0], row]), "--out", out)
    assert result.exit_code != 0
    assert said in " ".join((result.output + str(result.exception)).split())
    assert not out.exists()


def test_an_input_is_not_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path / "in.jsonl", ROWS)
    before = path.read_text()
    assert verify(path, "--out", path).exit_code != 0
    assert path.read_text() == before


def test_code_is_run_where_asked_for(tmp_path: Path) -> None:
    row = {"query": "f", "answer": "def f():\n    return 7", "tests": "assert f() == 7"}
    result = verify(written(tmp_path / "in.jsonl", [row]), "--run-code")
    assert json.loads(result.stdout)["reward"] == 1
