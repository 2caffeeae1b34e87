"""`memreward collect`: into a memory or a file, within the budget, and nothing twice."""

import json
from pathlib import Path

import pytest
from support.cli_fixtures import Cli
from support.tiny_policy import write_tiny_policy

from memstore.db.stores import Stores
from memstore.formats.rollout_reader import read_rollouts
from memstore.reads.stats import memory_stats
from schema.rollout import Rollout


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    rows = [
        {"query": f"What is {n} + 1?", "gold": str(n + 1), "dataset": "sums"} for n in range(10)
    ]
    path = tmp_path / "queries.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_policy(tmp_path_factory.mktemp("policies") / "tiny")


def test_rollouts_go_into_a_memory_once(
    cli: Cli, tasks: Path, policy: Path, memory_name: str, stores: Stores
) -> None:
    arguments = ("--tasks", tasks, "--policy", policy, "-m", memory_name, "--run", "r1")
    budget = ("--labels", 0.2, "--max-new-tokens", 6)
    result = cli("collect", *arguments, "--rollouts", 2, *budget)
    assert result.exit_code == 0, result.output
    counts = memory_stats(stores, memory_name)["counts"]
    assert counts["queries"] == 10
    assert counts["rollouts"] == 20
    rows = stores.graph.query(
        "MATCH (q:Query {memory: $memory})-[:GENERATED]->()-[:LEADS_TO]->(a:Answer) "
        "RETURN q.id AS query, a.verified_reward AS reward",
        {"memory": memory_name},
        30,
    ).rows
    assert len({row["query"] for row in rows if row["reward"] is not None}) == 2
    again = cli("collect", *arguments, "--rollouts", 2, *budget)
    assert "0 rollouts sampled, 20 were there" in again.output
    more = cli("collect", *arguments, "--rollouts", 3, *budget)
    assert "10 rollouts sampled, 20 were there" in more.output
    assert memory_stats(stores, memory_name)["counts"]["rollouts"] == 30


def test_rollouts_go_into_a_file(cli: Cli, tasks: Path, policy: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.jsonl"
    arguments = ("--tasks", tasks, "--policy", policy, "--rollouts", 2, "--max-new-tokens", 6)
    result = cli("collect", *arguments, "--out", out, "--labels", 1)
    assert result.exit_code == 0, result.output
    found = [row for row in read_rollouts([out]) if isinstance(row, Rollout)]
    assert len(found) == 20
    assert all(rollout.reward is not None for rollout in found)
    written = out.read_bytes()
    assert "20 were there" in cli("collect", *arguments, "--out", out, "--labels", 1).output
    assert out.read_bytes() == written


@pytest.mark.parametrize("target", [(), ("--memory", "m", "--out", "b.jsonl")])
def test_one_place_is_named(cli: Cli, tasks: Path, target: tuple[str, ...]) -> None:
    result = cli("collect", "--tasks", tasks, *target)
    assert result.exit_code == 2
    assert "either --memory NAME or --out" in result.output


def test_code_is_not_run_unless_asked_for(cli: Cli, policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "code.jsonl"
    path.write_text(json.dumps({"query": "Write f.", "tests": "assert f()"}) + "\n")
    arguments = ("--tasks", path, "--policy", policy, "--out", tmp_path / "b.jsonl", "--labels", 1)
    result = cli("collect", *arguments)
    assert result.exit_code == 2
    assert "--run-code" in result.output
    assert cli("collect", *arguments, "--run-code").exit_code == 0


def test_calls_are_budgeted_over_the_whole_run(
    cli: Cli, tasks: Path, policy: Path, memory_name: str, stores: Stores
) -> None:
    arguments = ("--tasks", tasks, "--policy", policy, "-m", memory_name, "--run", "r1")
    budget = ("--calls", 0.3, "--max-new-tokens", 6)
    result = cli("collect", *arguments, "--rollouts", 2, *budget)
    assert result.exit_code == 0, result.output
    assert memory_stats(stores, memory_name)["calls"]["made"] <= 6
    more = cli("collect", *arguments, "--rollouts", 4, *budget)
    assert more.exit_code == 0, more.output
    assert 6 < memory_stats(stores, memory_name)["calls"]["made"] <= 12


def test_calls_need_a_memory(cli: Cli, tasks: Path, policy: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.jsonl"
    result = cli("collect", "--tasks", tasks, "--policy", policy, "--out", out, "--calls", 0.2)
    assert result.exit_code == 2
    assert "planned by a memory" in result.output
