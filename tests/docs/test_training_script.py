"""README's training script: killed in the middle, it resumes where it was."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.snippets import runnable
from support.snippets_files import write_files
from support.snippets_run import PageRunner

from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings

pytestmark = pytest.mark.slow

#: Three epochs of ten queries, eight completions a step.
STEPS = 30
FIRST = "checkpoint-20"


def killed_at_checkpoint(runner: PageRunner, script: Path, run: Path) -> None:
    """Run the script until its first checkpoint is whole; then it gets no chance to tidy up."""
    process = subprocess.Popen(
        ["python", script.name],
        cwd=runner.folder,
        env=runner.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not (run / FIRST / "trainer_state.json").exists():
            assert process.poll() is None, "it ended before the first checkpoint"
            time.sleep(0.2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.timeout(1800)
def test_a_killed_run_resumes(stores: Stores, server_settings: Settings, tmp_path: Path) -> None:
    write_files(tmp_path)
    (snippet,) = (block for block in runnable("README.md") if block.language == "python")
    script, run = tmp_path / "train.py", tmp_path / "grpo-1"
    script.write_text(snippet.text, encoding="utf-8")
    try:
        with PageRunner(tmp_path, server_settings.home) as runner:
            killed_at_checkpoint(runner, script, run)
            first = (run / FIRST / "trainer_state.json").stat().st_mtime_ns
            runner.check("the second run", ["python", script.name])
    finally:
        delete_memory(stores, "math")
    assert (run / FIRST / "trainer_state.json").stat().st_mtime_ns == first, "it began from nothing"
    state = json.loads((run / f"checkpoint-{STEPS}" / "trainer_state.json").read_text())
    assert state["global_step"] == STEPS
    lines = [json.loads(line) for line in (run / "journal.jsonl").read_text().splitlines()]
    placed = [line["step"] for line in lines if "placed" in line]
    assert all(placed.count(step) == 1 for step in range(20)), "no step of before is made again"
