"""Ctrl-C at random moments of commands (52 with `--full-counts`): no traceback, `check` clean."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli_fixtures import as_row, write_jsonl
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest
from support.tiny_policy import write_tiny_policy

from memstore.settings import Settings

pytestmark = pytest.mark.faults
#: Of one uninterrupted run; a run is interrupted at a moment of it.
Command = tuple[str, ...]


def run(words: Command, settings: Settings, after: float | None = None) -> tuple[int, str]:
    """Exit code and output of a command that gets SIGINT `after` seconds, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "memreward", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"MEMREWARD_HOME": str(settings.home), "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    try:
        if after is not None:
            time.sleep(after)
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=200)
    finally:
        process.kill()
    return process.returncode, output


def interrupted(
    words: Callable[[int], Command], memory: MemoryUnderTest, settings: Settings, count: int
) -> None:
    """Interrupt a command `count` times, then let it end; the databases agree each time."""
    began = time.monotonic()
    code, output = run(words(0), settings)
    assert code == 0, output
    seconds = time.monotonic() - began
    dice = random.Random(" ".join(words(0)[:1]))
    for number in range(1, count + 1):
        # Python needs a moment until it can be interrupted with a word at all.
        code, output = run(words(number), settings, dice.uniform(0.1, 1) * seconds)
        assert code in (0, 130), output
        assert "Traceback" not in output, output
        assert code == 0 or "interrupted" in output, output
        code, output = run(("check", "-m", memory.name), settings)
        assert code == 0, output
    code, output = run(words(count + 1), settings)
    assert code == 0, output


def test_ingest(
    memory: MemoryUnderTest, server_settings: Settings, tmp_path: Path, times: Callable[..., int]
) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(400, 4)])

    def words(number: int) -> Command:
        return ("ingest", str(path), "-m", memory.name, "--run", f"run-{number}")

    interrupted(words, memory, server_settings, times(3, 13))
    # Begun again, each run is whole.
    for number in range(times(3, 13) + 2):
        assert run(words(number), server_settings)[0] == 0
    rows = memory.ask(
        "MATCH (r:Run {memory: $memory})-[:PRODUCED]->(a:Answer) RETURN r.id AS run, count(a) AS n"
    )
    assert {row["n"] for row in rows} == {1600}


def test_export(
    memory: MemoryUnderTest, server_settings: Settings, tmp_path: Path, times: Callable[..., int]
) -> None:
    memory.add(make_rollouts(200, 4))

    def words(number: int) -> Command:
        return ("export", str(tmp_path / str(number)), "-m", memory.name)

    interrupted(words, memory, server_settings, times(3, 13))
    for folder in tmp_path.iterdir():  # Whole, or not there.
        assert (folder / "manifest.json").is_file(), folder


def test_train(
    memory: MemoryUnderTest, server_settings: Settings, times: Callable[..., int]
) -> None:
    memory.add(make_rollouts(40, 4))

    def words(_: int) -> Command:
        return ("train", "-m", memory.name, "--resume")

    interrupted(words, memory, server_settings, times(2, 13))


@pytest.mark.slow
def test_grpo(
    memory: MemoryUnderTest, server_settings: Settings, tmp_path: Path, times: Callable[..., int]
) -> None:
    tasks = write_jsonl(
        tmp_path / "tasks.jsonl",
        [{"query": f"What is {n} + {n}?", "gold": str(2 * n)} for n in range(8)],
    )
    policy = write_tiny_policy(tmp_path / "policy")
    shape = [
        "--steps",
        "3",
        "--queries",
        "2",
        "--group",
        "2",
        "--tokens",
        "3",
        "--labels",
        "1",
        "--save-every",
        "1",
    ]

    def words(number: int) -> Command:
        of = ("--tasks", str(tasks), "--policy", str(policy), "-m", memory.name)
        return ("grpo", *of, "--run", f"g{number}", *shape)

    count = times(1, 13)
    interrupted(words, memory, server_settings, count)
    for number in range(1, count + 1):  # Each goes on to its end.
        assert run(words(number), server_settings)[0] == 0
    rows = memory.ask(
        "MATCH (r:Run {memory: $memory})-[:PRODUCED]->(a:Answer) RETURN r.id AS run, count(a) AS n"
    )
    assert {row["run"]: row["n"] for row in rows} == {f"g{n}": 12 for n in range(count + 2)}
    assert run(("check", "-m", memory.name), server_settings)[0] == 0
