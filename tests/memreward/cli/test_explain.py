"""`memreward suspects` and `memreward explain` on the real databases."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.db.stores import Stores

UNVERIFIED = (
    "MATCH (q:Query {memory: $memory})-[:SIMILAR_TO]->(:Query)-[:GENERATED]->(:Thinking)"
    "-[:LEADS_TO]->(b:Answer) WHERE b.verified_reward IS NOT NULL "
    "MATCH (q)-[:GENERATED]->(:Thinking)-[:LEADS_TO]->(a:Answer) "
    "WHERE a.verified_reward IS NULL RETURN a.id AS id ORDER BY id LIMIT 1"
)
VERIFIED = (
    "MATCH (a:Answer {memory: $memory}) WHERE a.verified_reward IS NOT NULL "
    "RETURN a.id AS id, a.verified_reward AS reward ORDER BY id"
)


@pytest.fixture
def trained(
    cli: Cli, tmp_path: Path, memory_name: str, stores: Stores, short_training: None
) -> str:
    """160 rollouts of 40 queries, half of these labelled by the file; ann contradicts it once."""
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(40, 4)])
    result = cli("ingest", path, "-m", memory_name, "--run", "r", "--labels", 0.5)
    assert result.exit_code == 0, result.output
    first = stores.graph.query(VERIFIED, {"memory": memory_name}, 30).rows[0]
    row = {"rollout_id": first["id"], "reward": 1 - first["reward"]}
    labels = write_jsonl(tmp_path / "l.jsonl", [row])
    assert cli("label", labels, "-m", memory_name, "--annotator", "ann").exit_code == 0
    assert cli("train", "-m", memory_name).exit_code == 0
    return memory_name


def one_label(folder: Path, rollouts: Iterable[str]) -> Path:
    return write_jsonl(folder / "one.jsonl", [{"rollout_id": max(rollouts), "reward": 1.0}])


def test_suspects_and_explain(cli: Cli, trained: str, stores: Stores, tmp_path: Path) -> None:
    result = cli("suspects", "-m", trained, "--limit", 7, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert len(found["suspects"]) == 7
    reward_of = {
        row["id"]: row["reward"]
        for row in stores.graph.query(VERIFIED, {"memory": trained}, 30).rows
    }
    for item in found["suspects"]:
        assert item["reward"] == reward_of[item["rollout_id"]]
        distance = abs(item["reward"] - item["probability"])
        assert item["contradiction"] == pytest.approx(distance, abs=1e-6)
        assert "file" in item["said"]
    labels = {source["name"]: source["labels"] for source in found["sources"]}
    assert labels == {"file": 80, "ann": 1}
    told = {source["name"]: source for source in found["sources"]}
    assert told["file"]["verdict"] == "believed: too little to judge it by"
    assert told["ann"]["verdict"] == "believed"
    assert told["ann"]["reliability"] is not None
    assert cli("label", one_label(tmp_path, reward_of), "-m", trained, "--annotator", "new")
    later = json.loads(cli("suspects", "-m", trained, "--json").output)["sources"]
    assert [(source["name"], source["verdict"]) for source in later][-1] == ("new", None)
    shown = cli("suspects", "-m", trained).output
    assert "memory thinks" in shown and "shows the score with all labels" in shown
    assert all(item["conclusion"] is not None for item in found["suspects"])

    # What "new" said counts by now, too.
    rows = stores.graph.query(VERIFIED, {"memory": trained}, 30).rows
    reward_of = {row["id"]: row["reward"] for row in rows}
    (row,) = stores.graph.query(UNVERIFIED, {"memory": trained}, 30).rows
    result = cli("explain", row["id"], "-m", trained, "--json", "--html", "why.html")
    assert result.exit_code == 0, result.output
    why = json.loads(result.output)
    parts = why["explanation"]["contributions"]
    for name in ("logit", "probability"):
        total = sum(part[name] for part in parts)
        change = why["explanation"][name] - why["explanation"][f"baseline_{name}"]
        assert total == pytest.approx(change, abs=1e-6)
    senders = [s for part in parts if part["kind"] == "neighbour" for s in part["senders"]]
    assert senders
    assert all(sender["reward"] == reward_of[sender["rollout_id"]] for sender in senders)
    assert len(why["influences"]) == 5
    assert {item["rollout_id"] for item in why["influences"]} <= set(reward_of)
    assert "<svg" in (tmp_path / "why.html").read_text()

    queries = {part["query_id"] for part in parts if part["query_id"] is not None}
    assert queries <= {rollout.source_query_id for rollout in make_rollouts(40, 1)}

    stated = cli("explain", min(reward_of)[:12], "-m", trained)
    assert "its reward is verified, 0.5 (" in stated.output
    assert "ann: " in stated.output


def test_without_a_model_or_an_answer(cli: Cli, tmp_path: Path, memory_name: str) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(40, 4)])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    for command in (("suspects",), ("explain", "x")):
        result = cli(*command, "-m", memory_name)
        assert result.exit_code == 2
        assert "memreward train" in result.output
    assert cli("train", "-m", memory_name, "--model", "logistic").exit_code == 0
    assert "memreward train" in cli("suspects", "-m", memory_name).output
    result = cli("explain", "x", "-m", memory_name, "--html", "nowhere/page.html")
    assert result.exit_code == 2
    assert "folder" in result.output
