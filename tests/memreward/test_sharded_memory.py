"""A memory in shards as a user meets it: opened, scored, looked after by commands."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_fixtures import Cli
from support.divided import another_postgres

from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.db.addresses import Addresses
from memstore.settings import PairSettings, Settings
from schema.errors import InputError, SettingsError, ShardedError, UnreachableError
from schema.reward import LabelReport

NAME = "in-shards"
ROWS = [
    {
        "query": f"What is {number} + {number}?",
        "query_id": f"sum-{number}",
        "rollout": place,
        "completion": f"I add. #### {2 * number + place}",
    }
    for number in range(6)
    for place in range(2)
]


@pytest.fixture
def settings(cli: Cli, server_settings: Settings) -> Iterator[Settings]:
    yield server_settings
    cli("delete", "-m", NAME, "--yes")


def test_a_memory_in_shards_is_scored_labelled_and_looked_after(
    cli: Cli, settings: Settings
) -> None:
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        scores = memory.score(ROWS)
        assert len({score.rollout_id for score in scores}) == 12
        (known,) = memory.score([{**ROWS[0], "reward": 1}])
        assert known.value == 1.0
        assert memory.model == "prior"
        assert memory.link(3) == 6
    with pytest.raises(InputError, match="divided into 2 shards, not 3"):
        ShardedMemory.open(NAME, shards=3, settings=settings)
    with pytest.raises(ShardedError, match="shards=2"):
        Memory.open(NAME, settings=settings)
    for command in ("runs", "snapshot"):
        refused = cli(command, "-m", NAME)
        assert refused.exit_code == 2, command
        assert "divided into 2 shards" in refused.output
    checked = cli("check", "-m", NAME)
    assert checked.exit_code == 0
    assert f"memory {NAME}@1-of-2: both stores agree" in checked.output
    assert f"memory {NAME}: both stores agree" in checked.output
    assert f"{NAME}@2-of-2: nothing to do" in cli("repair", "-m", NAME).output
    found = json.loads(cli("stats", "-m", NAME, "--json").stdout)
    assert sum(shard["counts"]["rollouts"] for shard in found.values()) == 12
    gone = cli("delete", "-m", NAME, "--yes")
    assert gone.exit_code == 0
    assert f"shard {NAME}@2-of-2 holds" in gone.output
    with Memory.open(NAME, settings=settings) as one:
        one.score(ROWS[:1])
    with pytest.raises(InputError, match="cannot be divided"):
        ShardedMemory.open(NAME, shards=2, settings=settings)


def test_one_that_lost_a_shard_is_reported_and_hides_no_other(cli: Cli, settings: Settings) -> None:
    other, lost = f"{NAME}-other", f"{NAME}@2-of-2"
    for name in (NAME, other):
        with ShardedMemory.open(name, shards=2, run="r", settings=settings) as memory:
            memory.score(ROWS)
    assert cli("delete", "-m", lost, "--yes").exit_code == 0
    checked = cli("check")
    assert checked.exit_code == 1
    assert (
        f"{lost!r}, a shard of memory {NAME!r}, was deleted: import its archive" in checked.output
    )
    assert f"memory {other}: both stores agree" in checked.output
    (found,) = [r for r in json.loads(cli("check", "--json").stdout) if r["memory"] == NAME]
    assert found["counts"] == {"shards": 1}
    assert cli("check", "-m", NAME).exit_code == 1
    assert cli("check", "-m", other).exit_code == 0
    repaired = cli("repair")
    assert repaired.exit_code == 1
    assert f"{NAME}: {lost!r}, a shard of memory" in repaired.output
    assert f"{other}@2-of-2: nothing to do" in repaired.output
    assert f"{other}@1-of-2" in cli("stats").output
    assert cli("delete", "-m", other, "--yes").exit_code == 0
    assert cli("check", "-m", NAME).exit_code == 1


def test_a_lost_shard_is_imported(cli: Cli, settings: Settings, tmp_path: Path) -> None:
    lost = f"{NAME}@2-of-2"
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        memory.score(ROWS)
        memory.link(3)
        before = [score.value for score in memory.score(ROWS)]
    archives = [tmp_path / str(number) for number in (1, 2)]
    for number, archive in enumerate(archives, 1):
        assert cli("export", archive, "-m", f"{NAME}@{number}-of-2").exit_code == 0
    assert cli("delete", "-m", lost, "--yes").exit_code == 0
    assert cli("import", archives[1], "--lost-pair").exit_code == 2
    assert f"memreward link --memory {NAME}" in cli("import", archives[1]).output
    assert "6 queries" in cli("link", "-m", NAME, "-k", "3").output
    assert cli("check", "-m", NAME).exit_code == 0
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        assert [s.value for s in memory.score(ROWS)] == pytest.approx(before, abs=1e-5)
    assert cli("delete", "-m", NAME, "--yes").exit_code == 0
    assert f"{lost}: nothing is there" in cli("import", archives[0]).output
    assert "nothing is there" not in cli("import", archives[1]).output
    renamed = cli("import", archives[1], "-m", "other@2-of-2")
    assert renamed.exit_code == 2
    assert "leave --memory out" in renamed.output


def test_labels_go_to_the_shards_of_their_rollouts(
    cli: Cli, settings: Settings, tmp_path: Path
) -> None:
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        scores = memory.score(ROWS)
        labels = [{"query_id": f"sum-{n}", "rollout": 0, "reward": 1} for n in range(6)]
        assert memory.label(labels, annotator="ann").rewards == 6
        pair = {"better": scores[0].rollout_id, "worse": scores[1].rollout_id}
        assert memory.label([pair], annotator="ann").preferences == 1
        assert memory.label([pair, *labels], annotator="ann") == LabelReport()
        across = {"better": scores[0].rollout_id, "worse": scores[2].rollout_id}
        for row in ({"query_id": "sum-9", "rollout": 0, "reward": 1}, across):
            with pytest.raises(InputError):
                memory.label(
                    [{"rollout_id": scores[1].rollout_id, "reward": 1}, row], annotator="a"
                )
        file, rejects = tmp_path / "labels.jsonl", tmp_path / "rejects.jsonl"
        good = [{"rollout_id": s.rollout_id[:12], "reward": 0} for s in scores[1::2]]
        bad = {"query_id": "sum-9", "rollout": 0, "reward": 1}
        file.write_text("\n".join(json.dumps(row) for row in (*good[:3], bad, *good[3:])))
        options = ("-m", NAME, "--annotator", "bob", "--run", "r", "--rejects", rejects)
        assert cli("label", file, *options).exit_code == 2
        told = cli("label", file, "--skip-rejected", *options[:-1], tmp_path / "again.jsonl")
        assert "6 rewards and 0 preferences are new, 0 were said before, 1 rejected" in told.output
        refused = (tmp_path / "again.jsonl").read_text()
        assert f"is in memory '{NAME}'" in refused
        assert refused.count("\n") == 1
        memory.flush()
        found = json.loads(cli("stats", "-m", NAME, "--json").stdout)
        assert [shard["counts"]["verified"] for shard in found.values()] == [
            shard["counts"]["rollouts"] for shard in found.values()
        ]
        assert memory.label(labels, annotator="ann").rewards == 0
    assert cli("check", "-m", NAME).exit_code == 0


def test_a_memory_in_shards_is_trained_by_the_command(cli: Cli, settings: Settings) -> None:
    labelled = [{**row, "reward": (row["rollout"] + 1) % 2} for row in ROWS]
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        memory.score(labelled)
    trained = cli("train", "-m", NAME)
    assert trained.exit_code == 0, trained.output
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        assert memory.model is not None
        assert memory.model != "prior"
        assert memory.model in trained.output
        assert memory.learn() == memory.model


@pytest.fixture
def pairs(
    cli: Cli, servers: Addresses, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings of two pairs, for this process and in the environment."""
    with another_postgres(servers) as second:
        pair = {
            "neo4j_uri": second.neo4j_uri,
            "neo4j_password": second.neo4j_password,
            "postgres_dsn": second.postgres_dsn,
        }
        monkeypatch.setenv("MEMREWARD_PAIRS", json.dumps([pair]))
        yield server_settings.model_copy(update={"pairs": (PairSettings.model_validate(pair),)})
        cli("delete", "-m", NAME, "--yes")


def test_a_memory_in_two_pairs_is_looked_after(
    cli: Cli, pairs: Settings, server_settings: Settings, tmp_path: Path
) -> None:
    assert "run `memreward migrate`" in cli("stats").output
    assert "0015_linked_shards.sql" in cli("migrate").output
    assert cli("status").output.count("running") == 4
    with ShardedMemory.open(NAME, shards=2, run="r", settings=pairs) as memory:
        memory.score(ROWS)
        assert memory.link(3) == 6
    with pytest.raises(SettingsError, match=f"shard 2 of memory {NAME!r} lies in a pair"):
        ShardedMemory.open(NAME, shards=2, settings=server_settings)
    second = f"{NAME}@2-of-2"
    checked = cli("check", "-m", NAME).output
    for name in (f"{NAME}@1-of-2", second, NAME):
        assert f"memory {name}: both stores agree" in checked
    assert f"memory {second}: both stores agree" in cli("check").output
    assert f"{second}: nothing to do" in cli("repair").output
    found = json.loads(cli("stats", "--json").stdout)
    assert sum(found[f"{NAME}@{n}-of-2"]["counts"]["rollouts"] for n in (1, 2)) == 12
    archive = tmp_path / "archive"
    assert cli("export", archive, "-m", second).exit_code == 0
    assert cli("delete", "-m", second, "--run", "r", "--dry-run").exit_code == 0
    gone = cli("delete", "-m", NAME, "--yes")
    assert f"shard {second} holds" in gone.output
    assert json.loads(cli("stats", "--json").stdout).keys().isdisjoint(found)


def test_a_pair_that_is_down_is_named(
    cli: Cli, pairs: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given,) = json.loads(os.environ["MEMREWARD_PAIRS"])
    given["postgres_dsn"] = "postgresql://u:secret@127.0.0.1:9/x"
    broken = pairs.model_copy(update={"pairs": (PairSettings.model_validate(given),)})
    with pytest.raises(UnreachableError, match=r"pair 2 of the settings: Postgres at 127.0.0.1:9"):
        ShardedMemory.open(NAME, shards=2, settings=broken)
    monkeypatch.setenv("MEMREWARD_PAIRS", json.dumps([given]))
    for command in ("check", "stats", "repair"):
        refused = cli(command)
        assert refused.exit_code == 2
        assert "pair 2 of the settings" in refused.output
        assert "secret" not in refused.output
