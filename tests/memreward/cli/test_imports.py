"""A command that needs no model imports nothing that only models need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli_fixtures import as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.db.addresses import Addresses
from memstore.settings import Settings
from schema.ids import rollout_id

HEAVY = ("torch", "transformers", "sklearn", "scipy", "sentence_transformers", "trl", "datasets")
#: Runs command lines, given as JSON, one after the other in one process; stops at the first that
#: fails or imports what it does not need.
CODE = f"""
import json, sys
from typer.testing import CliRunner
from memreward.cli.main import app
for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (words, done.output)
    heavy = [name for name in {HEAVY} if name in sys.modules]
    assert not heavy, (words, heavy)
"""
MEMORY = "light"


def run_all(lines: list[list[str]], home: Path, folder: Path) -> None:
    """Run command lines in a process of their own."""
    environment = {**os.environ, "MEMREWARD_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(lines)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_commands_on_a_memory(
    servers: Addresses, server_settings: Settings, tmp_path: Path
) -> None:
    rollouts = make_rollouts(4)
    first = rollouts[0]
    id_ = rollout_id(MEMORY, "r", first.source_query_id, first.step, first.place)
    write_jsonl(tmp_path / "rollouts.jsonl", [as_row(rollout) for rollout in rollouts])
    write_jsonl(tmp_path / "labels.jsonl", [{"rollout_id": id_, "reward": 1.0}])
    of = ["--memory", MEMORY]
    lines = [
        ["up"],
        ["status"],
        ["migrate"],
        ["config", "show"],
        ["ingest", "rollouts.jsonl", *of, "--run", "r"],
        ["link", *of],
        ["stats"],
        ["stats", *of, "--json"],
        ["query", "MATCH (n:Query) RETURN count(n) AS n"],
        ["runs", *of],
        ["label", "labels.jsonl", *of, "--annotator", "me"],
        ["history", id_, *of],
        ["check", *of],
        ["repair", *of],
        ["export", "archive", *of],
        ["delete", *of, "--yes"],
        ["import", "archive"],
        ["delete", *of, "--run", "r", "--yes"],
        ["delete", *of, "--yes"],
    ]
    run_all(lines, server_settings.home, tmp_path)


def test_down_and_doctor_where_nothing_runs(tmp_path: Path) -> None:
    run_all([["down"]], tmp_path / "home", tmp_path)


@pytest.mark.parametrize("name", ["Memory", "RemoteMemory", "memory_reward", "learn_every"])
def test_public_names_are_loaded_on_use(name: str) -> None:
    code = (
        f"import sys, memreward; assert {name!r} in dir(memreward); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
