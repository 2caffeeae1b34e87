from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.db.stores import Stores
from memstore.reads.stats import memory_stats
from memstore.settings import Settings

SNAPSHOT = (
    "MATCH (a:Answer {memory: $memory}) RETURN a.id AS id, a.verified_reward AS verified, "
    "a.propagated_reward AS propagated, a.propagated_model AS model, "
    "a.propagated_at IS NOT NULL AS dated, a.propagated_confidence AS confidence ORDER BY id"
)


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str, short_training: None) -> str:
    """160 rollouts of 40 queries, half of these labelled; trainings are short."""
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(40, 4)])
    result = cli("ingest", path, "-m", memory_name, "--run", "r", "--labels", 0.5)
    assert result.exit_code == 0, result.output
    return memory_name


@pytest.fixture(params=["memreward", "logistic"])
def trained(request: pytest.FixtureRequest, cli: Cli, filled: str) -> str:
    result = cli("train", "-m", filled, "--model", request.param)
    assert result.exit_code == 0, result.output
    return filled


def test_every_unlabelled_answer_gets_a_reward_and_no_verified_one_changes(
    cli: Cli, trained: str, stores: Stores
) -> None:
    before = stores.graph.query(SNAPSHOT, {"memory": trained}, 30).rows
    result = cli("propagate", "-m", trained)
    assert result.exit_code == 0, result.output
    assert "80 rewards" in result.output
    after = stores.graph.query(SNAPSHOT, {"memory": trained}, 30).rows
    assert [row["verified"] for row in after] == [row["verified"] for row in before]
    for row in after:
        assert (row["verified"] is None) == (row["propagated"] is not None) == row["dated"]
        if row["propagated"] is not None:
            assert 0 <= row["propagated"] <= 1
            assert 0 <= row["confidence"] <= 1
    versions = {row["model"] for row in after} - {None}
    models = stores.graph.query(
        "MATCH (m:Model {memory: $memory}) RETURN m.id AS id, m.encoder AS encoder",
        {"memory": trained},
        30,
    ).rows
    assert versions == {row["id"] for row in models}
    assert models[0]["encoder"] == "all-MiniLM-L6-v2"


def test_a_wanted_precision_leaves_the_others_without_opinion(
    cli: Cli, filled: str, stores: Stores
) -> None:
    assert cli("train", "-m", filled).exit_code == 0
    result = cli("propagate", "-m", filled, "--precision", 1)
    assert result.exit_code == 0, result.output
    rows = stores.graph.query(SNAPSHOT, {"memory": filled}, 30).rows
    told = [row for row in rows if row["verified"] is None]
    silent = [row for row in told if row["propagated"] is None]
    assert all(row["dated"] and row["model"] for row in told)
    assert all(row["confidence"] == 0 for row in silent)
    assert f"{80 - len(silent)} rewards" in result.output
    assert bool(silent) == (f"on {len(silent)} that are not sure enough" in result.output)
    assert cli("check", "-m", filled).exit_code == 0
    assert cli("propagate", "-m", filled, "--precision", 0.3).exit_code == 2


def test_a_model_without_thresholds_is_asked_for_a_precision(cli: Cli, filled: str) -> None:
    assert cli("train", "-m", filled, "--model", "constant").exit_code == 0
    result = cli("propagate", "-m", filled, "--precision", 0.9)
    assert result.exit_code == 2
    assert "thresholds" in result.output


def test_the_same_training_is_the_same_checkpoint(
    cli: Cli, trained: str, stores: Stores, server_settings: Settings
) -> None:
    (folder,) = (server_settings.home / "checkpoints" / trained).iterdir()
    model = folder.name.rpartition("-")[0]
    assert cli("train", "-m", trained, "--model", model).exit_code == 0
    assert list(folder.parent.iterdir()) == [folder]
    assert memory_stats(stores, trained)["counts"]["models"] == 1


def test_a_damaged_checkpoint_is_refused(
    cli: Cli, trained: str, stores: Stores, server_settings: Settings
) -> None:
    (folder,) = (server_settings.home / "checkpoints" / trained).iterdir()
    tensors = folder / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\x01")
    result = cli("propagate", "-m", trained)
    assert result.exit_code == 2
    assert "damaged" in result.output
    assert memory_stats(stores, trained)["counts"]["propagated"] == 0


def test_before_the_first_training_the_prior_gives_the_rewards(cli: Cli, filled: str) -> None:
    result = cli("propagate", "-m", filled)
    assert result.exit_code == 0 and " rewards by prior-" in result.output


def test_an_unknown_model_or_version(cli: Cli, filled: str) -> None:
    assert "published" in cli("train", "-m", filled, "--model", "none").output
    assert cli("propagate", "-m", filled, "--model", "none-1234").exit_code == 2


def test_training_needs_labels(cli: Cli, tmp_path: Path, memory_name: str) -> None:
    rows = [as_row(rollout) for rollout in make_rollouts(4, 2)]
    path = write_jsonl(tmp_path / "a.jsonl", [{**row, "reward": None} for row in rows])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    first = cli("train", "-m", memory_name)
    assert first.exit_code == 0 and "(0 queries)" in first.output
    result = cli("train", "-m", memory_name, "--model", "logistic")
    assert result.exit_code == 2
    assert "verified" in result.output
