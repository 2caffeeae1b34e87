"""`memreward grpo` and `memreward compare` as they are typed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.cli_fixtures import Cli
from support.tiny_policy import write_tiny_policy
from typer.testing import CliRunner

from memreward.cli.main import app
from memstore.consistency.check import check_memory
from memstore.db.stores import Stores
from memstore.reads.full_graph import read_graph
from memstore.reads.label_spend import paid_queries
from memstore.settings import Settings
from schema.ids import query_id
from trainer.rewards.journal import Journal


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("grpo --tasks small --run r", "needs --memory"),
        ("grpo --tasks small --run r --arm majority --memory m", "uses no memory"),
        ("grpo --tasks small --run r --arm random --signals", "leave --signals out"),
        ("grpo --tasks small --run a/b --arm majority", "cannot name a run"),
        ("grpo --tasks small --run r --arm majority --calls 0.2", "needs --arm memreward"),
        ("grpo --tasks small --run r -m m --calls 2", "above 0 and at most 1"),
        ("grpo --tasks small --run r -m m --labels 12", "--labels 12: give a share"),
        ("compare --tasks small --name c --arms oracle --calls 0.2", "needs the arm memreward"),
        ("compare --tasks small --name c --calls 2", "--calls 2: give shares above 0"),
        ("compare --tasks small --name c --arms oracle,best", "there is no arm best"),
        ("compare --tasks small --name c --arms ,", "give some of"),
        ("compare --tasks small --name c --labels 0.2,many", "give shares"),
        ("compare --tasks small --name c --labels 0", "above 0"),
        ("compare --tasks small --name c --by sft --curriculum", "leave --curriculum out"),
        ("compare --tasks small --name c --by dpo --report-to trackio", "leave --report-to out"),
    ],
)
def test_what_cannot_be_done_is_one_message(arguments: str, message: str) -> None:
    result = CliRunner().invoke(app, arguments.split())
    assert result.exit_code == 2
    assert message in result.output


def test_a_run_without_a_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "tasks.jsonl"
    rows = [{"query": f"What is {n} + {n}?", "gold": str(2 * n)} for n in range(6)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    policy = write_tiny_policy(tmp_path / "policy")
    command = f"grpo --tasks {file} --run r --arm partial --policy {policy} --steps 1 --group 2"
    result = CliRunner().invoke(app, f"{command} --tokens 3 --labels 1".split())
    assert result.exit_code == 0, result.output
    assert "accuracy on held-out tasks: 0.000 before, 0.000 after 1 steps" in result.output
    assert "labels paid: 1 of 4 queries" in result.output
    folder = tmp_path / "home" / "runs" / "-" / "r"
    for name in ("history.json", "journal.jsonl", "run.png", "policy/model.safetensors"):
        assert (folder / name).exists()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_smollm2_is_killed_and_goes_on(
    cli: Cli, memory_name: str, stores: Stores, server_settings: Settings, tmp_path: Path
) -> None:
    """Ten steps with a memory that learns on the way, killed in the middle."""
    arguments = (
        f"grpo --tasks small:letter_counting?size=40 --memory {memory_name} --run r --steps 10 "
        "--labels 0.5 --queries 2 --group 4 --tokens 12 --save-every 2 --refresh-every 4 "
        "--evaluate-every 10 --held-out 0.1"
    ).split()
    journal = server_settings.home / "runs" / memory_name / "r" / "journal.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "memreward", *arguments],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )
    while process.poll() is None:
        if journal.exists() and '"step": 5, "placed"' in journal.read_text():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.05)
    assert process.returncode == -signal.SIGKILL
    result = cli(*arguments)
    assert result.exit_code == 0, result.output
    folder = journal.parent
    history = json.loads((folder / "history.json").read_text())
    assert [entry["step"] for entry in history] == list(range(1, 11))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    placed = [(line["step"], *item) for line in lines for item in line.get("placed", ())]
    graph = read_graph(stores, memory_name)
    # One rollout a place, none twice, though some steps were made twice.
    assert len(placed) == len(set(placed)) >= 10 * 8
    assert len(placed) - 8 <= len(graph.rollout_id_R) <= len(placed)
    assert check_memory(stores, memory_name).ok
    labels = json.loads((folder / "labels.json").read_text())
    paid = set(paid_queries(stores, memory_name))
    assert paid <= {query_id(memory_name, text) for text in labels["labelled"]}
    assert len(paid) == len(Journal(journal).verified)
    again = cli(*arguments)
    assert again.exit_code == 0, again.output
    assert again.output.strip() in result.output
