import json
from pathlib import Path

from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts


def test_suggestions_can_be_labelled(cli: Cli, tmp_path: Path, memory_name: str) -> None:
    rows = [{**as_row(r), "reward": None} for r in make_rollouts(12, 2)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    result = cli("suggest-labels", "-m", memory_name, "--budget", 3, "--out", "next.jsonl")
    assert result.exit_code == 0, result.output
    assert "represents" in result.output
    found = [json.loads(line) for line in (tmp_path / "next.jsonl").read_text().splitlines()]
    assert len({row["query_id"] for row in found}) == 3
    assert all(row["dataset"] in ("sums", "doubles") for row in found)
    labels = [{"rollout_id": id_, "reward": 1.0} for row in found for id_ in row["rollouts"]]
    assert len(labels) == 6
    write_jsonl(tmp_path / "labels.jsonl", labels)
    assert cli("label", "labels.jsonl", "-m", memory_name, "--annotator", "me").exit_code == 0
    again = cli("suggest-labels", "-m", memory_name, "--budget", 100, "--out", "rest.jsonl")
    assert "nearest label" in again.output
    rest = [json.loads(line) for line in (tmp_path / "rest.jsonl").read_text().splitlines()]
    assert len(rest) == 9
    assert not {row["query_id"] for row in rest} & {row["query_id"] for row in found}


def test_a_budget_or_a_file_that_cannot_be(cli: Cli, tmp_path: Path, memory_name: str) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(2, 2)])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    assert cli("suggest-labels", "-m", memory_name, "--budget", 0).exit_code == 2
    result = cli("suggest-labels", "-m", memory_name, "--budget", 1, "--out", "no/where.jsonl")
    assert result.exit_code == 2
