import csv
import io
import json
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("name", ["next.jsonl", "next.csv"])
def test_conclusions_come_back_with_their_verdicts(
    cli: Cli, tmp_path: Path, memory_name: str, name: str
) -> None:
    rows = [{**as_row(r), "reward": None} for r in make_rollouts(6, 4)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    suggest = ("suggest-labels", "-m", memory_name, "--unit", "conclusion", "--budget")
    result = cli(*suggest, 3, "--out", name)
    assert result.exit_code == 0, result.output
    assert "3 conclusions written" in result.output
    label = ("label", name, "-m", memory_name, "--annotator", "me")
    assert "0 rewards" in cli(*label).output  # nothing is filled in
    text = (tmp_path / name).read_text()
    if name.endswith(".csv"):
        found = list(csv.DictReader(io.StringIO(text)))
        for row in found[:2]:
            row["reward"] = "1"
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    else:
        found = [json.loads(line) for line in text.splitlines()]
        assert all(row["rollouts"] == 2 and row["reward"] is None for row in found)
        write_jsonl(tmp_path / name, [{**row, "reward": 1.0} for row in found[:2]] + found[2:])
    labelled = cli(*label)
    assert labelled.exit_code == 0, labelled.output
    assert "2 rewards" in labelled.output
    assert "2 rollouts that conclude the same" in labelled.output
    cli(*suggest, 100, "--out", "rest.jsonl")
    rest = [json.loads(line) for line in (tmp_path / "rest.jsonl").read_text().splitlines()]
    judged = {row["rollout_id"] for row in found[:2]}
    assert len(rest) == 10
    assert not judged & {row["rollout_id"] for row in rest}


def test_a_conclusion_is_named_by_query_and_conclusion(
    cli: Cli, tmp_path: Path, memory_name: str
) -> None:
    rows = [{**as_row(r), "reward": None} for r in make_rollouts(2, 4)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    cli(
        "suggest-labels",
        "-m",
        memory_name,
        "--unit",
        "conclusion",
        "--budget",
        9,
        "--out",
        "n.jsonl",
    )
    found = json.loads((tmp_path / "n.jsonl").read_text().splitlines()[0])
    named = {"query": found["query"], "conclusion": found["conclusion"], "reward": 0.5}
    write_jsonl(tmp_path / "l.jsonl", [named])
    label = ("label", "l.jsonl", "-m", memory_name, "--annotator", "me")
    assert "1 rollouts that conclude the same" in cli(*label).output
    write_jsonl(tmp_path / "l.jsonl", [{"rollout_id": "r", "unit": "run", "reward": 1}])
    assert "`unit` is 'run'" in cli(*label).output
    write_jsonl(tmp_path / "l.jsonl", [{**named, "conclusion": "no such"}])
    refused = cli(*label)
    assert refused.exit_code == 2
    assert "no rollout of that query concludes this" in refused.output
