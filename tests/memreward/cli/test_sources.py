"""A source that says the opposite is named by `suspects` and `runs`, and is not learned from."""

import json
from pathlib import Path

from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from schema.ids import rollout_id

ANNOTATORS = ("ann", "bob", "cat", "dan", "eve")


def labels(memory: str, folder: Path) -> Path:
    """Every annotator has 14 queries of the first 70; eve says the opposite of what is right."""
    rows: list[dict[str, object]] = []
    for number, rollout in enumerate(make_rollouts(70, 6)):
        who = ANNOTATORS[number // 6 % 5]
        right = bool(rollout.reward)
        id_ = rollout_id(memory, "r", rollout.source_query_id, 0, rollout.place)
        reward = float(right != (who == "eve"))
        rows.append({"rollout_id": id_, "reward": reward, "annotator": who})
    return write_jsonl(folder / "labels.jsonl", rows)


def test_the_one_who_says_the_opposite(
    cli: Cli, tmp_path: Path, memory_name: str, short_training: None
) -> None:
    unlabelled = [as_row(item) | {"reward": None} for item in make_rollouts(90, 6)]
    path = write_jsonl(tmp_path / "a.jsonl", unlabelled)
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    given = cli("label", labels(memory_name, tmp_path), "-m", memory_name)
    assert given.exit_code == 0, given.output
    assert json.loads(cli("runs", "-m", memory_name, "--json").output)[memory_name]["sources"] == []
    by_labels = accuracy(cli, memory_name)
    trained = cli("train", "-m", memory_name)
    assert trained.exit_code == 0, trained.output

    found = json.loads(cli("suspects", "-m", memory_name, "--json").output)["sources"]
    assert found[0]["name"] == "eve"
    assert found[0]["verdict"] == "says the opposite"
    assert found[0]["reliability"] < 0.2 < 0.8 < found[0]["contradicted"]
    assert {source["verdict"] for source in found[1:]} == {"believed"}
    shown = cli("suspects", "-m", memory_name).output
    assert "says the opposite" in shown

    listed = json.loads(cli("runs", "-m", memory_name, "--json").output)[memory_name]["sources"]
    assert listed[0]["source"] == "eve"
    assert [source["labels"] for source in listed] == [84] * 5
    assert "says the opposite" in cli("runs", "-m", memory_name).output
    # As many of eve's labels are right as wrong: what is believed of them is the same in sum.
    assert abs(accuracy(cli, memory_name) - by_labels) < 0.05


def accuracy(cli: Cli, memory: str) -> float:
    (row,) = json.loads(cli("runs", "-m", memory, "--json").output)[memory]["accuracy"]
    return row["accuracy"]
