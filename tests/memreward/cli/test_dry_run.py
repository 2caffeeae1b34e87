"""`memreward ingest --dry-run`: what becomes of each row, without a server."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from support.cli_fixtures import write_jsonl
from typer.testing import CliRunner, Result

from memreward.cli.main import app
from memstore.encoders import registry


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that nobody runs, and a home that must stay empty."""
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", "postgresql://a:b@127.0.0.1:9/c")
    monkeypatch.setattr(registry, "text_encoder", None)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "files").mkdir()
    monkeypatch.chdir(tmp_path / "files")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["ingest", *map(str, arguments), "--dry-run"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(*arguments: object) -> list[dict[str, Any]]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


ROWS: list[dict[str, object]] = [
    {"query": "What is 2 + 2?", "completion": "Two and two.\n#### 4", "reward": 1},
    {"query": "What is 2 + 2?", "answer": "4.0", "step": 3, "query_id": 7},
    {"query": "What is 2 + 2?", "answer": "5", "reward": 2},
    {"query": "What is 2 + 2?", "answer": "5"},
    {"query": "What is 2 + 2?", "answer": "4.0", "step": 3, "query_id": 7, "rollout": 0},
]


def test_every_row_is_told_in_order_and_nothing_is_written(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "files" / "a.jsonl", ROWS)
    first, second, bad, third, again = told(path, "--run", "r")
    assert [row["line"] for row in (first, second, bad, third, again)] == [1, 2, 3, 4, 5]
    assert first["file"] == str(path)
    assert (first["query"], first["thinking"]) == ("What is 2 + 2?", "Two and two.")
    assert (first["answer"], first["reward"], first["run"]) == ("4", 1.0, "r")
    assert (second["query_id"], second["step"], second["rollout"]) == ("7", 3, 0)
    assert second["reward"] is None
    assert first["conclusion"] == second["conclusion"] != third["conclusion"]
    assert first["query_id"] == third["query_id"]
    assert third["rollout"] > first["rollout"] == 0
    assert bad.keys() == {"line", "file", "error"}
    assert "`reward` is 2" in bad["error"]
    assert again.keys() == {"line", "file", "repeats"}
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "files", path]


def test_labels_decide_which_rewards_would_be_stored(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query": f"q{number}", "answer": "4", "reward": 1} for number in range(10)
    ]
    path = write_jsonl(tmp_path / "files" / "a.jsonl", rows)
    assert sum(row["reward"] is not None for row in told(path, "--labels", 0.3)) == 3
    assert all(row["reward"] is None for row in told(path, "--labels", 0))


def test_a_table_of_counts_and_the_first_rollouts(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "files" / "a.jsonl", [*ROWS, {**ROWS[3], "[/foo]": 1}])
    result = run(path)
    assert result.exit_code == 0, result.output
    assert "4 rollouts, 1 rejected rows, 1 that repeat an earlier one; 1 with a reward" in (
        result.output
    )
    assert "columns not used: [/foo]" in result.output
    assert result.stdout.count("conclusion") == 3
    assert "a.jsonl:3: `reward` is 2" in result.stderr


def test_no_usable_row_ends_with_2(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "files" / "a.jsonl", [ROWS[2]])
    for options in ((), ("--json",)):
        assert run(path, *options).exit_code == 2
    assert run(tmp_path / "none.jsonl").exit_code == 2


def test_without_a_dry_run_the_names_are_needed(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "files" / "a.jsonl", ROWS)
    for arguments, said in (
        (("--json", "-m", "a", "--run", "r"), "--json goes with --dry-run"),
        (("--run", "r"), "--memory is missing"),
        (("-m", "a"), "--run is missing"),
    ):
        result = CliRunner().invoke(app, ["ingest", str(path), *arguments])
        assert result.exit_code == 2
        assert said in result.output


def test_rows_are_told_while_they_are_read(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"query": f"q{n}", "answer": str(n)}) + "\n" for n in range(9_000))
    path = tmp_path / "files" / "a.jsonl.gz"
    path.write_bytes(gzip.compress(lines.encode())[:-2_000])
    result = run(path, "--json")
    assert result.exit_code == 2
    assert "damaged or cut off" in result.stderr
    assert len(result.stdout.splitlines()) > 1_000
