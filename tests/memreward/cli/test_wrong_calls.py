"""Whatever is wrong with a call, a user gets a message that says so, and no traceback."""

from pathlib import Path

import pytest
import typer
from support.wrong_calls import command_paths, write_files, wrong_calls
from typer.testing import CliRunner

from memreward.cli.commands import COMMANDS
from memreward.cli.main import app

PATHS = list(command_paths(COMMANDS))
CALLS_A_COMMAND = 6
#: It needs neither a server nor an argument, and takes minutes.
RUNS_AT_ONCE = ("bench", "encode")
#: They look at the machine, or read nothing that can be wrong: a call may be right by chance.
MAY_SUCCEED = frozenset(("formats", "down", "config", "status", "doctor"))


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wrong files; the databases are the user's own, and are down."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEMREWARD_NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setenv("MEMREWARD_NEO4J_PASSWORD", "a-secret-of-neo4j")
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", "postgresql://u:a-secret-of-pg@127.0.0.1:9/x")
    write_files(tmp_path)
    return tmp_path


def test_the_calls_are_over_200() -> None:
    assert len(PATHS) * CALLS_A_COMMAND > 200


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_wrong_calls_end_with_a_message(path: tuple[str, ...], nowhere: Path) -> None:
    for words in wrong_calls(typer.main.get_command(app), path, CALLS_A_COMMAND):
        words += ["--no-such-option"] if path == RUNS_AT_ONCE else []
        result = CliRunner().invoke(app, words)
        said = (words, result.exit_code, result.output)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError(said) from result.exception
        assert result.exit_code in ((0, 1, 2) if path[0] in MAY_SUCCEED else (1, 2)), said
        assert result.output.strip(), said
        assert "Traceback" not in result.output, said
        assert "a-secret" not in result.output, said
