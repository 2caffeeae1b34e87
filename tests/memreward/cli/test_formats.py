"""`memreward formats`, and files of other tools that `ingest` recognises."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.other_tools import FILES, json_lines
from typer.testing import CliRunner, Result

from memreward.cli.main import app

ROWS = [
    {"input": "user\nWhat is 2 + 2?\nassistant\n", "output": f"#### {n}", "score": 1.0, "step": 2}
    for n in range(5)
]


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", "postgresql://a:b@127.0.0.1:9/c")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(*arguments: object) -> list[dict[str, Any]]:
    result = run("ingest", *arguments, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_formats_are_listed_with_a_row_of_each() -> None:
    listed = run("formats").output
    found = [json.loads(line) for line in run("formats", "--json").stdout.splitlines()]
    assert {said["name"] for said in found} == {file.format for file in FILES}
    assert all(said["name"] in listed and said["example"] for said in found)


def test_a_known_shape_is_proposed_with_three_rollouts(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a b.jsonl", ROWS)
    result = run("ingest", path, "--memory", "m", "--run", "r")
    assert result.exit_code == 2
    command = f"memreward ingest '{path}' --format verl --memory m --run r"
    assert command in result.output
    assert "looks like verl" in result.output
    assert result.output.count("What is 2 + 2?") == 3
    assert [row["answer"] for row in told(path, "--format", "verl")] == list("01234")


def test_a_shape_without_prompts_names_the_option(tmp_path: Path) -> None:
    (file,) = [file for file in FILES if file.format == "vllm-batch"]
    path = json_lines(tmp_path / "a.jsonl", file.rows)
    prompts = json_lines(tmp_path / "p.jsonl", file.prompts)
    assert "--format vllm-batch --prompts PROMPTS.jsonl" in run("ingest", path, "--dry-run").output
    assert len(told(path, "--format", "vllm-batch", "--prompts", prompts)) == 3


def test_a_file_of_tasks_says_what_it_is(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"question": "What is 2 + 2?", "answer": "4"}])
    result = run("ingest", path, "--dry-run")
    assert result.exit_code == 2
    assert "memreward collect" in result.output


def test_an_unknown_shape_says_how_to_map_it(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"x": "q", "y": "4", "z": 3}])
    result = run("ingest", path, "--dry-run")
    assert result.exit_code == 2
    assert "missing `query` and `answer` (found: x, y, z)" in result.output
    assert "--map query=prompt" in result.output
    (row,) = told(path, "--map", "query=x,answer=y,reward=z", "--reward-range", "1:5")
    assert (row["query"], row["answer"], row["reward"]) == ("q", "4", 0.5)


def test_what_is_taken_off_and_left_out_is_said(tmp_path: Path) -> None:
    rows = [
        {"prompt": "<|im_start|>user\nq<|im_end|>\n", "out": "#### 4<|im_end|>", "f": "a"},
        {"prompt": "q", "out": "#### 5", "f": "b"},
    ]
    path = json_lines(tmp_path / "a.jsonl", rows)
    options = ("--map", "query=prompt,completion=out", "--where", "f=a", "--dry-run")
    output = run("ingest", path, *options).output
    assert "taken off texts: chat templates 1, end tokens 1" in output
    assert "1 rows left out by --where" in output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--follow", "--dry-run"), "--dry-run needs whole files"),
        (("--follow", "--labels", "0.5"), "--labels needs whole files"),
        (("--follow",), "--memory is missing"),
        (("--idle", "3"), "--idle goes with --follow"),
        (("--json", "--memory", "m", "--run", "r"), "--json goes with --dry-run"),
    ],
)
def test_options_that_do_not_go_together(
    options: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"query": "q", "answer": "4"}])
    result = run("ingest", path, *options)
    assert result.exit_code == 2
    assert why in result.output


def test_standard_input(tmp_path: Path) -> None:
    text = json_lines(tmp_path / "a.jsonl", ROWS).read_text()
    result = CliRunner().invoke(
        app, ["ingest", "-", "--format", "verl", "--dry-run", "--json"], input=text
    )
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 5
