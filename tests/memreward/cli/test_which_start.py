"""The commands that start the databases are those that docs/operating.md names; others say so."""

from pathlib import Path

import pytest
from support.wrong_calls import command_paths
from typer.testing import CliRunner

from memreward.base import databases
from memreward.cli import repair
from memreward.cli.commands import COMMANDS
from memreward.cli.main import app
from memstore.settings import Settings
from schema.errors import ServerError

STARTS = frozenset(("demo", "evaluate", "robustness", "serve", "bench"))
#: They are about the servers themselves, or need none.
OTHERS = frozenset(
    (
        *("up", "down", "status", "doctor", "migrate", "rotate-secrets", "config", "repair"),
        *("formats", "prior", "verify", "teach"),
    )
)
ROW = '{"query": "What is 2 + 2?", "completion": "It is 4", "reward": 1.0}\n'
TASK = '{"query": "What is 2 + 2?", "gold": "4"}\n'
M = ("--memory", "m")
#: What each command needs, as right as it can be without a memory.
CALLS = {
    "demo": (),
    "ingest": ("rows.jsonl", *M, "--run", "r"),
    "link": M,
    "train": M,
    "propagate": M,
    "dataset": (*M, "--kind", "sft", "--out", "out"),
    "stats": (),
    "look": (),
    "query": ("RETURN 1",),
    "evaluate": ("rows.jsonl",),
    "robustness": ("rows.jsonl",),
    "runs": (),
    "check": (),
    "delete": (*M, "--yes"),
    "compact": (*M, "--keep", "2"),
    "label": ("rows.jsonl", *M),
    "history": ("0123abcd", *M),
    "export": ("out", *M),
    "import": ("out", *M),
    "collect": (*M, "--tasks", "rows.jsonl", "--run", "r"),
    "compare": ("--name", "c", "--tasks", "tasks.jsonl", "--arms", "oracle,memreward"),
    "grpo": (*M, "--run", "r", "--tasks", "tasks.jsonl"),
    "reembed": (*M, "--encoder", "all-MiniLM-L6-v2"),
    "rekey": M,
    "suggest-labels": (*M, "--budget", "2"),
    "suspects": M,
    "explain": ("0123abcd", *M),
    "snapshot": M,
    "serve": M,
}


@pytest.mark.parametrize("name", CALLS)
def test_who_starts_the_databases(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    (tmp_path / "rows.jsonl").write_text(ROW)
    (tmp_path / "tasks.jsonl").write_text(TASK * 20)
    asked: list[Path] = []

    def up(settings: Settings) -> None:
        asked.append(settings.home)
        raise ServerError("not in this test")

    monkeypatch.setattr(databases, "up", up)
    result = CliRunner().invoke(app, [name, *CALLS[name]])
    assert result.exit_code == 2, result.output
    assert bool(asked) == (name in STARTS), result.output
    if not asked:
        assert "memreward up" in " ".join(result.output.split()), result.output
        assert not (tmp_path / "home" / "reports").exists()


def test_a_rebuild_starts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))

    def up(settings: Settings) -> None:
        raise ServerError("not in this test")

    monkeypatch.setattr(repair, "up", up)
    result = CliRunner().invoke(app, ["repair", "--rebuild-neo4j"])
    assert result.exit_code == 2, result.output
    assert "not in this test" in result.output


def test_each_command_is_looked_at() -> None:
    left = {path[0] for path in command_paths(COMMANDS)} - CALLS.keys() - OTHERS - {"bench"}
    assert left == set()
