"""What the documents say must still be so."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest
import typer

from memreward.cli.main import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    for name, command in typer.main.get_command(app).commands.items():  # pyright: ignore
        assert f"`memreward {name}" in README, name
        assert command.help or command.commands


def test_the_list_has_every_file() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    script = runpy.run_path(str(ROOT / "scripts" / "architecture"))
    assert script["rewritten"](page) == page, "run `python scripts/architecture`"


def test_two_set_up_commands() -> None:
    assert README.count("pip install uv &&") == 2


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]))
def test_scripts_import_public_names_only(document: Path) -> None:
    inner = r"^\s*(?:from|import) (?:schema|migrations|memstore|gnn|trainer)\b"
    assert not re.findall(inner, document.read_text(encoding="utf-8"), re.MULTILINE)


def test_no_registry_host_is_named() -> None:
    """`uv.lock` names them and stays out of git; nothing else may."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "repo1" + ".maven", "maven.apache" + ".org")
    for name in files:
        if not name.endswith((".png", ".parquet", ".safetensors", ".xz")):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not any(host in text for host in hosts), name
