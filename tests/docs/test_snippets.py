"""The blocks of code in README.md and docs/ are run as they stand, each page in its order.

A block that cannot be run is named below with the reason. Its commands must still be ones that
memreward has, with options that it has.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from support.divided import delete_all
from support.snippets import ELISION, SHELL, Snippet, documents, runnable
from support.snippets_files import PREPARED, write_files
from support.snippets_run import PageRunner

from memreward.cli.main import app
from memstore.db.stores import Stores
from memstore.reads.stats import list_memories
from memstore.servers.lifecycle import down
from memstore.settings import Settings, load_settings

ROOT: Final = Path(__file__).parent.parent.parent

_LARGE = "hours: it makes the page's figures, of 28,696 rollouts that do not come with the package"
_DAYS = "hours of training; tests/trainer/ and tests/memreward/jobs/ train for a few steps"
#: Page and how the block begins, and why it is not run.
NOT_RUN: Final[Mapping[tuple[str, str], str]] = {
    ("README.md", "pip install uv && uv run memreward demo"): (
        "installs 6.5 GB; tests/memreward/cli/test_demo.py runs the demo"
    ),
    ("README.md", "pip install uv && uv run pytest"): "it runs this test",
    ("docs/calls.md", "memreward evaluate rollouts.parquet --calls"): (
        "minutes even on few rollouts; tests/gnn/evaluation/test_call_budget.py has less"
    ),
    ("docs/collecting.md", "memreward collect"): "3,200 completions of SmolLM2 take two hours",
    ("docs/durability.md", "uv run pytest"): "these are tests themselves",
    ("docs/look.md", "memreward look"): "it serves until it is stopped; tests/memreward/look/",
    ("docs/operating.md", "uv export"): "hours where the line is slow: it fetches all packages",
    ("docs/operating.md", "python3 -m venv /opt"): "it installs them, outside of the home",
    ("docs/other-trainers.md", "python -m verl"): "verl needs a GPU, and is not installed",
    ("docs/other-trainers.md", "pip install lazy-loader"): (
        "it changes the environment; tests/memreward/client/test_thin_client.py has only these"
    ),
    ("docs/other-trainers.md", "import verifiers"): "verifiers is not installed",
    ("docs/quality.md", "memreward prior"): _LARGE,
    (
        "docs/quality.md",
        "memreward evaluate rollouts.parquet --labels 0.2 --seeds 5 --final",
    ): _LARGE,
    ("docs/quality.md", "memreward evaluate rollouts.parquet --labels 0.05"): _LARGE,
    ("docs/performance.md", "memreward ingest rollouts.parquet"): _LARGE,
    (
        "docs/quality.md",
        "memreward evaluate rollouts.parquet --labels 0.2 --seeds 5 --base",
    ): _LARGE,
    ("docs/quality.md", "memreward evaluate rollouts-gym.parquet"): _LARGE,
    ("docs/quality.md", "memreward collect"): "768 completions of SmolLM2 take an hour",
    (
        "docs/quality.md",
        "memreward robustness rollouts.parquet --labels 0.2 --seeds 3 --json",
    ): _LARGE,
    (
        "docs/quality.md",
        "memreward robustness rollouts.parquet --labels 0.2 --seeds 3 --flip",
    ): _LARGE,
    ("docs/ray.md", "import ray"): "Ray is an extra; tests/memreward/cluster/ makes these calls",
    (
        "docs/trainer.md",
        "memreward grpo --tasks small:letter_counting --memory sums --run g1 --la",
    ): (_DAYS),
    ("docs/trainer.md", "uv sync --extra qwen-coder"): "it needs a GPU, and installs an extra",
    ("docs/trainer.md", 'memreward grpo --tasks "small:letter_counting?size=60"'): "minutes",
    ("docs/trainer.md", "memreward compare --tasks small"): _DAYS,
    ("docs/trainer.md", 'tasks="gym:chain_sum'): _DAYS,
    ("docs/trainer.md", 'memreward compare --tasks "gym:gcd'): _DAYS,
    ("docs/trainer.md", "memreward grpo --memory shared"): _DAYS,
    ("docs/trainer.md", 'memreward compare --tasks "$tasks" --policy careless --name c4'): _DAYS,
    (
        "docs/trainer.md",
        "memreward grpo --tasks small:letter_counting --memory sums --run g1 --ca",
    ): (_DAYS),
}

#: The page that stops and moves databases has its own.
OPERATING: Final = "docs/operating.md"
#: Pages that take more than 20 seconds.
SLOW: Final = {
    "README.md",
    "docs/datasets.md",
    "docs/graph.md",
    "docs/labels.md",
    "docs/other-trainers.md",
    "docs/python.md",
    "docs/trainer.md",
}


def _reasons(snippet: Snippet) -> list[str]:
    first = snippet.text.splitlines()[0]
    return [
        reason
        for (document, beginning), reason in NOT_RUN.items()
        if document == snippet.document and first.startswith(beginning)
    ]


def _to_run(document: str) -> list[Snippet]:
    return [snippet for snippet in runnable(document) if not _reasons(snippet)]


PAGES: Final = [
    pytest.param(document, marks=[pytest.mark.slow] if document in SLOW else [])
    for document in documents()
    if _to_run(document)
]


@pytest.fixture
def clean(stores: Stores) -> Iterator[None]:
    """The memories that a page makes are gone afterwards."""
    before = set(list_memories(stores))
    yield
    for name in {shard.partition("@")[0] for shard in set(list_memories(stores)) - before}:
        delete_all(name, stores)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("document", [page for page in PAGES if page.values[0] != OPERATING])
def test_the_blocks_of_a_page_run(
    document: str, server_settings: Settings, clean: None, tmp_path: Path
) -> None:
    run_page(document, tmp_path, server_settings.home)


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home that a page may stop, move and remove; Postgres' user can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="memreward-docs-"))
    folder.chmod(0o711)
    try:
        yield folder / "home"
    finally:
        for home in folder.iterdir():
            down(load_settings(home=home))
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.timeout(1800)
def test_the_page_of_operators_runs(own_home: Path, tmp_path: Path) -> None:
    run_page(OPERATING, tmp_path, own_home)
    assert list(own_home.parent.iterdir()) == [], "uninstalling leaves nothing"


def run_page(document: str, folder: Path, databases: Path) -> None:
    """Run all blocks of a page, in one folder with the files that it speaks of."""
    write_files(folder)
    with PageRunner(folder, databases) as runner:
        for command in PREPARED.get(document, ()):
            runner.shell(command)
        for snippet in _to_run(document):
            runner.run(snippet)


def test_each_exception_is_of_one_block() -> None:
    blocks = [snippet for document in documents() for snippet in runnable(document)]
    for (document, beginning), reason in NOT_RUN.items():
        found = [
            block
            for block in blocks
            if block.document == document and block.text.splitlines()[0].startswith(beginning)
        ]
        assert found, f"{document} has no block that begins with {beginning!r}: remove the entry"
        assert reason


def test_commands_are_in_blocks() -> None:
    """What is only indented would not be run."""
    for document in documents():
        for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
            assert not line.startswith(("    memreward ", "    uv ", "    pip ")) or any(
                line.strip() in block.text for block in runnable(document)
            ), f"{document}: {line}"


#: Stands for a program: notes what it was called with.
STUB = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
"""

ALL_SHELL = [
    pytest.param(snippet, id=snippet.name)
    for document in documents()
    for snippet in runnable(document)
    if snippet.language in SHELL
]


def _calls(snippet: Snippet, folder: Path) -> list[list[str]]:
    """The arguments of every `memreward` in a block, expanded by the shell."""
    programs, log = folder / "programs", folder / "log"
    programs.mkdir()
    path = programs / "memreward"
    path.write_text(STUB.format(python=sys.executable, log=str(log)))
    path.chmod(0o700)
    text = snippet.text.replace("uv run memreward", "memreward").replace("&&", ";")
    # Other programs are not found, so nothing is moved or removed.
    bash = str(shutil.which("bash"))
    quiet: Any = {"stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    subprocess.run([bash, "-c", text], cwd=folder, env={"PATH": str(programs)}, **quiet)
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("snippet", ALL_SHELL)
def test_commands_and_options_exist(snippet: Snippet, tmp_path: Path) -> None:
    called = _calls(snippet, tmp_path)
    assert called or "memreward " not in snippet.text, snippet.name
    for arguments in called:
        given = [word for word in arguments if word != ELISION]
        command: Any = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[given.pop(0)]
        shown = f"{snippet.name}: memreward {shlex.join(arguments)}"
        try:
            command.make_context(command.name, given)
        except Exception as error:
            missing = type(error).__name__ == "MissingParameter"
            assert missing and ELISION in arguments, f"{shown}: {error}"


def test_scripts_that_are_not_run_compile() -> None:
    for document in documents():
        for snippet in runnable(document):
            if snippet.language == "python":
                compile(snippet.text, snippet.name, "exec")
