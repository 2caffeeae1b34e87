r"""Whatever names and texts hold, they are printed as they are, and steer no terminal."""

import io
import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from rich.table import Table
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memreward.base.terminal import SafeConsole, as_started, cell, one_line, visible
from schema.ids import rollout_id

HOSTILE = [
    "[/foo]",
    "[red]",
    "[bold]x[/bold]",
    "[link=http://e.org]x[/link]",
    ":smile:",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b2J",
    "a\rb",
    "a\x08b",
    "a\u202eb",
    "a\u2066b",
    "a\u2028b",
]
#: One name with all of it; databases take it, since it has no NUL.
NAME = "".join(HOSTILE) + "\nline two"


def printed(*renderables: object, width: int = 400) -> str:
    console = SafeConsole(file=io.StringIO(), width=width)
    console.print(*renderables)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def assert_harmless(text: str) -> None:
    """No character in it steers a terminal."""
    for character in text:
        if character not in "\n\t":
            assert unicodedata.category(character) not in ("Cc", "Zl", "Zp"), repr(character)
            assert unicodedata.bidirectional(character) not in ("RLO", "LRO", "LRI", "RLI"), repr(
                character
            )


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_cells_headings_and_titles_are_printed_as_they_are(text: str) -> None:
    table = Table(text, title=text)
    table.add_row(text)
    table.add_row(cell(text))
    shown = printed(text) + printed(table)
    assert_harmless(shown)
    assert shown.count(visible(text)) == 5


def test_other_scripts_and_emoji_stay() -> None:
    for text in ("Größe", "日本語", "שלום", "سلام", "👩\u200d🔬", "a\n\tb"):
        assert visible(text) == text
    assert one_line("a\n\tb\x1b") == "a\\n\\tb\\x1b"


def test_json_stays_json_and_steers_nothing() -> None:
    console = SafeConsole(file=io.StringIO(), width=20)
    data = {text: [text, "Größe", 1, None] for text in HOSTILE}
    console.print_data(data)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert_harmless(text)
    assert json.loads(text) == data
    assert "Größe" in text


def test_no_command_is_broken_by_a_name_or_a_text(
    cli: Cli, tmp_path: Path, memory_name: str, short_training: None
) -> None:
    """Every name and text of ingest, label, stats, runs, query, suspects and history at once."""
    rows = [
        as_row(
            replace(
                rollout,
                query=NAME + rollout.query,
                dataset=NAME,
                domain=NAME,
                policy=NAME,
                checkpoint=NAME,
                source_query_id=NAME,
                thinking=NAME,
                place=number,
                step=0,
            )
        )
        | {NAME: "an unknown column"}
        for number, rollout in enumerate(make_rollouts(24, 4))
    ]
    path = write_jsonl(tmp_path / "[red]a.jsonl", rows)
    bad = write_jsonl(
        tmp_path / "[bold]\x1b[31mb.jsonl", [{**rows[0], "reward": NAME, "step": NAME}]
    )
    labels = write_jsonl(
        tmp_path / "labels.jsonl",
        [{"query_id": NAME, "rollout": 0, "reward": 0.5, "annotator": NAME}],
    )
    ingest = ("--memory", memory_name, "--run", "r")
    outputs = []
    for code, command in (
        (2, ("ingest", bad, *ingest)),
        (0, ("ingest", path, *ingest)),
        (2, ("label", bad, "-m", memory_name)),
        (0, ("label", labels, "-m", memory_name, "--run", "r")),
        (0, ("stats", "-m", memory_name)),
        (0, ("stats", "-m", memory_name, "--json")),
        (0, ("runs", "-m", memory_name)),
        (0, ("history", rollout_id(memory_name, "r", NAME, 0, 0), "-m", memory_name)),
        (0, ("query", "MATCH (n:Query) RETURN n.text AS `[/foo]\x1b[31m`, n.dataset LIMIT 2")),
        (0, ("query", "MATCH (n:Query) RETURN n.text AS `[/foo]` LIMIT 2", "--json")),
        (0, ("train", "-m", memory_name)),
        (0, ("suspects", "-m", memory_name)),
        (0, ("suspects", "-m", memory_name, "--json")),
    ):
        result = cli(*command)
        assert result.exit_code == code, (command, result.output)
        assert_harmless(result.output)
        outputs.append(result.output)
    assert "columns not used: [/foo][red][bold]x[/bold]" in outputs[1].replace("\n", "")
    assert "[/foo]" in outputs[8]


def test_commands_are_named_as_this_one_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert as_started("up") == "uv run memreward up"
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH")
    assert as_started("up") == "memreward up"
