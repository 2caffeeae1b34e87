"""`memreward dataset`: a memory in, a folder that the Hugging Face library opens out."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
from support.cli_fixtures import Cli
from support.other_tools import json_lines
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.reads.query_groups import rollouts_by_query, stored_rewards
from schema.reward import PropagatedReward


def propagate(memory: MemoryUnderTest, value: float) -> None:
    """A propagated reward for every rollout of which nothing is verified."""
    seq = stored_rewards(memory.stores, memory.name).seq
    register_model(memory.stores, memory.name, "m1", {})
    rewards = [
        PropagatedReward(rollout_id=rollout.id, value=value, confidence=0.5, model="m1")
        for group in rollouts_by_query(memory.stores, memory.name, seq)
        for rollout in group.rollouts
        if rollout.verified is None
    ]
    write_propagated(memory.stores, memory.name, rewards)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of all splits."""
    loaded: Any = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache"))
    return [row for split in loaded.values() for row in split]


def half_labelled(memory: MemoryUnderTest) -> None:
    rollouts = make_rollouts(20)
    memory.add(rollouts, labelled=frozenset(sorted({r.query for r in rollouts})[:10]))


def test_verified_and_propagated_rewards_become_rows(
    cli: Cli, memory: MemoryUnderTest, tmp_path: Path
) -> None:
    half_labelled(memory)
    propagate(memory, 0.9)
    seq = stored_rewards(memory.stores, memory.name).seq
    command = ("dataset", "--memory", memory.name, "--kind", "sft", "--right-from", "0.85")
    result = cli(*command, "--out", "sft data")
    assert result.exit_code == 0, result.output
    assert "rewards propagated: 10 rows" in result.output
    rows = rows_of(tmp_path / "sft data")
    assert len(rows) == 20
    assert {(row["source"], row["reward"], row["model"]) for row in rows} == {
        ("verified", 1.0, None),
        ("propagated", 0.9, "m1"),
    }
    card = (tmp_path / "sft data" / "README.md").read_text()
    assert " ".join([*command, "--out", "'sft data'"]) in card
    assert f"at sequence number {seq};" in card
    assert stored_rewards(memory.stores, memory.name).seq == seq


def test_without_propagated_rewards_it_says_what_to_do(
    cli: Cli, memory: MemoryUnderTest, tmp_path: Path
) -> None:
    half_labelled(memory)
    command = ("dataset", "-m", memory.name, "--kind", "dpo", "--out", "pairs")
    result = cli(*command)
    assert result.exit_code == 2
    assert f"memreward propagate --memory {memory.name}` first, or give" in result.output
    assert not list(tmp_path.iterdir())
    result = cli(*command, "--verified-only")
    assert result.exit_code == 0, result.output
    rows = rows_of(tmp_path / "pairs")
    assert len(rows) == 10 * 2
    assert {(row["chosen_reward"], row["rejected_reward"]) for row in rows} == {(1.0, 0.0)}
    assert {row["chosen_source"] for row in rows} == {"verified"}


def test_ingested_preferences_become_pairs_without_any_reward(
    cli: Cli, memory_name: str, tmp_path: Path
) -> None:
    rows = [{"prompt": f"Name {n}.", "chosen": f"It is {n}.", "rejected": "No."} for n in range(5)]
    path = json_lines(tmp_path / "liked.jsonl", rows)
    ingest = ("ingest", path, "--format", "preferences", "-m", memory_name, "--run", "r")
    assert cli(*ingest).exit_code == 0
    for kind in ("dpo", "reward"):
        result = cli("dataset", "-m", memory_name, "--kind", kind, "--out", kind)
        assert result.exit_code == 0, result.output
        assert "preferences: 5 rows" in result.output
        for row in rows_of(tmp_path / kind):
            number = row["prompt"][0]["content"].removeprefix("Name ").removesuffix(".")
            assert row["chosen"][0]["content"] == f"It is {number}."
            assert row["rejected"][0]["content"] == "No."
            assert (row["source"], row["annotators"]) == ("preference", ["preferences"])
    result = cli("dataset", "-m", memory_name, "--kind", "sft", "--out", "sft")
    assert (result.exit_code, "propagate --memory" in result.output) == (2, True)


def test_a_folder_in_the_way_and_a_choice_of_nothing_are_refused(
    cli: Cli, memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add([replace(rollout, reward=0.0) for rollout in make_rollouts(2, 2)])
    (tmp_path / "taken").mkdir()
    result = cli("dataset", "-m", memory.name, "--kind", "kto", "--out", "taken")
    assert (result.exit_code, "is there already" in result.output) == (2, True)
    result = cli("dataset", "-m", memory.name, "--kind", "sft", "--out", "none")
    assert result.exit_code == 2
    assert "gives no row of kind sft: of 4 rollouts 4 have a verified reward" in result.output
    result = cli("dataset", "-m", memory.name, "--kind", "kto", "--out", "x", "--wrong-to", "0.9")
    assert (result.exit_code, "cannot be used" in result.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_commands_of_the_documents_run(
    cli: Cli, memory: MemoryUnderTest, tmp_path: Path
) -> None:
    half_labelled(memory)
    propagate(memory, 0.9)
    page = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
    commands = re.findall(r"^memreward (dataset .*)$", page, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        words = [memory.name if word == "math" else word for word in command.split()]
        result = cli(*words)
        assert result.exit_code == 0, result.output
        assert (tmp_path / words[-1] / "README.md").is_file()
