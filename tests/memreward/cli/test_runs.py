"""`memreward runs` on the real databases: the list, and accuracy with and without a model."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollout, make_rollouts

from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str) -> str:
    """Run a: two policies, a half of the queries labelled; run b: four queries, all labelled."""
    rollouts = [
        make_rollout(query, place, policy="big" if place < 4 else "tiny", **outcome(query, place))
        for query in range(40)
        for place in range(8)
    ]
    few = make_rollouts(4, 4)
    for run, lines, share in (("a", rollouts, 0.5), ("b", few, 1.0)):
        path = write_jsonl(tmp_path / f"{run}.jsonl", [as_row(rollout) for rollout in lines])
        result = cli("ingest", path, "-m", memory_name, "--run", run, "--labels", share)
        assert result.exit_code == 0, result.output
    return memory_name


def outcome(query: int, place: int) -> dict[str, object]:
    """0 to 4 of a policy's 4 rollouts are right, and the log-probabilities show it."""
    right = place % 4 < query % 5
    return {
        "reward": float(right),
        "policy_signals": (-0.5 if right else -2.5, -3.0, 0.4, 1.5, -0.3, 0.1),
    }


def accuracies(cli: Cli, memory: str, *options: str) -> list[dict[str, Any]]:
    result = cli("runs", "-m", memory, "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)[memory]["accuracy"]


def test_runs_are_listed(cli: Cli, filled: str) -> None:
    shown = cli("runs", "-m", filled).output
    assert re.search(r"^a\ttiny\t", shown, re.MULTILINE)
    assert re.search(r"^b\ttiny\t", shown, re.MULTILINE)
    assert filled in cli("runs").output
    assert cli("runs", "-m", "nowhere").exit_code == 2


def test_each_policy_has_an_accuracy_with_an_interval(
    cli: Cli, filled: str, server_settings: Settings
) -> None:
    by_labels = accuracies(cli, filled)
    assert [(row["run"], row["policy"]) for row in by_labels] == [
        ("a", "big"),
        ("a", "tiny"),
        ("b", "tiny"),
    ]
    big, tiny, few = by_labels
    assert (big["n_queries"], big["n_verified_queries"], big["method"]) == (40, 20, "classical")
    assert big["low"] < big["accuracy"] < big["high"]
    assert (few["accuracy"], few["low"], few["high"]) == (0.5, None, None)

    assert cli("train", "-m", filled).exit_code == 0
    predicted = accuracies(cli, filled)
    assert predicted[0]["method"] == "prediction-powered"
    for row, before in zip(predicted[:2], (big, tiny), strict=True):
        assert row["high"] - row["low"] < before["high"] - before["low"]
    assert predicted[2] == few
    assert accuracies(cli, filled, "--labels-only") == by_labels
    table = cli("runs", "-m", filled).output
    assert re.search(r"\.\d{3} \[\.\d{3}, \.\d{3}\]", table)
    assert ".500 [too few queries]" in table

    shutil.rmtree(checkpoint_folder(server_settings, filled))
    without = cli("runs", "-m", filled)
    assert without.exit_code == 0
    assert "without predictions" in without.output
