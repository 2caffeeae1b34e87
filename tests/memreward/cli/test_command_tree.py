"""The command tree: its help lines are the commands' own, and an option is given once."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from memreward.cli.commands import COMMANDS, PANELS
from memreward.cli.lazy_group import Branch, Entry, Tree
from memreward.cli.main import app

runner = CliRunner()
ROOT: Any = typer.main.get_command(app)


def commands(group: Any = ROOT, tree: Tree = COMMANDS) -> Iterator[tuple[str, Any, Entry]]:
    """Every command with its path and its entry."""
    for name, entry in tree.items():
        command = group.commands[name]
        if isinstance(entry, Branch):
            for path, leaf, line in commands(command, entry.entries):
                yield f"{name} {path}", leaf, line
        else:
            yield name, command, entry


def values_of(param: Any) -> list[str]:
    """What follows the name of an option on the command line."""
    return [] if param.is_flag else ["1"]


OPTIONS = [
    pytest.param(path, command, param, id=f"{path} {param.opts[0]}")
    for path, command, _ in commands()
    for param in command.params
    if param.param_type_name == "option"
]


def test_help_lines_are_those_of_the_commands() -> None:
    for path, command, entry in commands():
        summary = inspect.cleandoc(command.help).split("\n\n")[0].replace("\n", " ")
        assert entry.help == summary, path


def test_each_command_is_in_one_panel_of_the_help() -> None:
    assert sorted(name for names in PANELS.values() for name in names) == sorted(COMMANDS)


def test_version() -> None:
    shown = runner.invoke(app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"memreward {version('memreward')}\n")


def test_help_lists_every_command_and_its_own_help_is_whole() -> None:
    listed = runner.invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for path, command, entry in commands():
        if " " not in path:
            assert f" {path} " in listed and entry.help in listed
        shown = runner.invoke(app, [*path.split(), "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0
        assert f"Usage: memreward {path}" in shown.output.replace("root", "memreward")
        for param in command.params:
            assert param.param_type_name == "argument" or param.opts[0] in shown.output


@pytest.mark.parametrize(("path", "command", "param"), OPTIONS)
def test_an_option_given_twice_is_refused_or_a_list(path: str, command: Any, param: Any) -> None:
    twice = 2 * [param.opts[0], *values_of(param)]
    if param.multiple:
        context = command.make_context(path, twice, resilient_parsing=True)
        assert len(context.params[param.name]) == 2
        return
    result = runner.invoke(app, [*path.split(), *twice], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert param.opts[0] in result.output and "is given 2 times: give it once" in result.output


def test_help_is_whole_at_80_columns_and_without_types() -> None:
    for path, command, _ in commands():
        shown = runner.invoke(app, [*path.split(), "--help"], env={"COLUMNS": "80"}).output
        assert max(map(len, shown.splitlines())) <= 80
        assert "…" not in shown, path
        assert not re.search(r"<(int|str|float|bool|path|list)\b", shown), path
        words = " ".join(shown.replace("│", " ").split())
        assert " ".join(command.help.split()) in words, path
        for param in command.params:
            said = " ".join((param.help or "").split())
            assert said in words or len(max(said.split(), key=len)) > 40, (path, param.name)


def test_help_says_choices_defaults_and_bounds() -> None:
    shown = runner.invoke(app, ["grpo", "--help"], env={"COLUMNS": "200"}).output
    assert "oracle, partial, memreward, majority, random: Where the rewards come from." in shown
    assert "[default: 100; at least 1]" in shown
    assert "no-run-code" not in shown
    for arguments in (["evaluate", "--help"], ["evaluate"]):
        assert " evaluate [OPTIONS] TRAIN" in runner.invoke(app, arguments).output


def test_an_unknown_command_is_named_with_its_nearest() -> None:
    result = runner.invoke(app, ["statz"], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "No such command 'statz'. Did you mean" in result.output and "'stats'" in result.output


#: What only models need.
HEAVY = ("torch", "transformers", "sklearn", "scipy", "sentence_transformers", "trl", "datasets")


def test_no_help_imports_what_models_need() -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from memreward.cli.main import app
for path in {[path.split() for path, _, _ in commands()]}:
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0, path
    heavy = [name for name in {HEAVY} if name in sys.modules]
    assert not heavy, (path, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("of_the_driver", [False, True])
def test_ctrl_c_ends_with_a_word(monkeypatch: pytest.MonkeyPatch, *, of_the_driver: bool) -> None:
    def interrupted(*_: Any) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            if of_the_driver:
                raise BufferError  # As Neo4j's does if it is interrupted while it reads.

    monkeypatch.setattr("memreward.cli.query.connected_pairs", interrupted)
    result = runner.invoke(app, ["stats"])
    assert (result.exit_code, "interrupted: what was stored stays" in result.output) == (130, True)


def test_a_buffer_error_by_itself_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: Any) -> None:
        raise BufferError

    monkeypatch.setattr("memreward.cli.query.connected_pairs", faulty)
    assert isinstance(runner.invoke(app, ["stats"]).exception, BufferError)


def ended(folder: Path) -> subprocess.CompletedProcess[str]:
    """What became of the module `interrupted_memreward` in the folder, which starts memreward."""
    return subprocess.run(
        [sys.executable, "-m", "interrupted_memreward"],
        env=os.environ | {"PYTHONPATH": f"{folder}:{Path(__file__).parents[3]}"},
        capture_output=True,
        text=True,
    )


def test_ctrl_c_while_a_dataclass_is_made_ends_with_the_code(tmp_path: Path) -> None:
    """Python makes dataclasses by `exec` of a text, and would die by the signal afterwards."""
    (tmp_path / "interrupted_memreward.py").write_text(
        "import sys\n"
        "import memreward.cli.query\n"
        "from memreward.cli.start import main\n"
        "memreward.cli.query.connected_pairs = lambda *_: exec('raise KeyboardInterrupt')\n"
        "sys.argv[1:] = ['stats']\n"
        "main()\n"
    )
    done = ended(tmp_path)
    assert (done.returncode, "interrupted: what was stored" in done.stderr) == (130, True), done


@pytest.mark.parametrize("moment", ["atexit.register(interrupt)", "sys.late = Late()"])
def test_ctrl_c_after_the_last_word_changes_nothing(tmp_path: Path, moment: str) -> None:
    (tmp_path / "interrupted_memreward.py").write_text(
        "import atexit, os, signal, sys\n"
        "from memreward.cli.start import main\n"
        "def interrupt(kill=os.kill, pid=os.getpid(), number=signal.SIGINT):\n"
        "    kill(pid, number)\n"
        "class Late:\n"
        "    def __del__(self, interrupt=interrupt):\n"
        "        interrupt()\n"
        f"{moment}\n"
        "sys.argv[1:] = ['--version']\n"
        "main()\n"
    )
    done = ended(tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout.startswith("memreward ")
