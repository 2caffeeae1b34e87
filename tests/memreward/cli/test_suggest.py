import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_suggestions_can_be_labelled(cli: Cli, tmp_path: Path, memory_name: str) -> None:
    rows = [{**as_row(r), "reward": None} for r in make_rollouts(12, 2)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    result = cli("suggest-labels", "-m", memory_name, "--budget", 3, "--out", "next.jsonl")
    assert result.exit_code == 0, result.output
    assert "represents" in result.output
    found = read_rows(tmp_path / "next.jsonl")
    assert len({row["query_id"] for row in found}) == 3
    assert {row["query_id"] for row in found} <= {row["query_id"] for row in rows}
    assert all(row["dataset"] in ("sums", "doubles") for row in found)
    assert len(found) == 6
    write_jsonl(tmp_path / "next.jsonl", [{**row, "reward": 1.0} for row in found])
    assert cli("label", "next.jsonl", "-m", memory_name, "--annotator", "me").exit_code == 0
    again = cli("suggest-labels", "-m", memory_name, "--budget", 100, "--out", "rest.jsonl")
    assert "nearest label" in again.output
    rest = read_rows(tmp_path / "rest.jsonl")
    assert len({row["query_id"] for row in rest}) == 9
    assert not {row["query_id"] for row in rest} & {row["query_id"] for row in found}


def test_suggestions_are_filled_in_as_csv_and_named_by_place(
    cli: Cli, tmp_path: Path, memory_name: str
) -> None:
    """The rows that are left empty are left out; without the ids the places are enough."""
    rows = [{**as_row(r), "reward": None} for r in make_rollouts(4, 2)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    shown = cli("suggest-labels", "-m", memory_name, "--budget", 2, "--out", "n.csv", "--json")
    listed = json.loads(shown.stdout)
    assert [len(query["rollouts"]) for query in listed] == [2, 2]
    assert "memreward label n.csv" in shown.stderr
    with (tmp_path / "n.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["query_id"] for row in found} == {query["query_id"] for query in listed}
    found[0]["reward"], found[3]["reward"] = "1", "0.5"
    for name in ("rollout_id", "unit"):
        places = [{k: v for k, v in row.items() if k != name} for row in found if row["reward"]]
        with (tmp_path / "n.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(places[0]))
            writer.writeheader()
            writer.writerows(places)
        done = cli("label", "n.csv", "-m", memory_name, "--annotator", f"without {name}")
        assert "2 rewards" in done.output, done.output
    with (tmp_path / "n.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    done = cli("label", "n.csv", "-m", memory_name, "--annotator", "me")
    assert "2 rewards" in done.output, done.output
    assert "me\t0.5" in cli("history", found[3]["rollout_id"][:10], "-m", memory_name).output


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


def test_a_file_that_may_be_filled_in_is_left_alone(
    cli: Cli, tmp_path: Path, memory_name: str
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(4, 2)])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    mine = tmp_path / "next.jsonl"
    mine.write_text("my labels")
    refused = cli("suggest-labels", "-m", memory_name, "--budget", 2, "--out", "next.jsonl")
    assert refused.exit_code == 2, refused.output
    assert "next.jsonl: exists" in refused.output
    assert mine.read_text() == "my labels"
