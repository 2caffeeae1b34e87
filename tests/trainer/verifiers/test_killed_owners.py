"""Whatever is killed first, what ran confined ends, and its folders are cleared by the next one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from memstore.child_process import python_path
from trainer.scratch import Scratch

#: Verifies one program, given as JSON with its tests, with a deadline that no test reaches.
ASKER = """
import json, sys
from schema.rollout import Rollout
from schema.task import Check, VerifierKind
from trainer.verifiers import Verifiers
program, tests = json.loads(sys.argv[1])
rollout = Rollout(query="q", answer=program, source_query_id="q", place=0)
with Verifiers(run_code=True, deadline_s=500, workers=1) as verifiers:
    print("asked", flush=True)
    verifiers.verify([(rollout, Check(kind=VerifierKind.CODE, tests=tests))])
"""
SLEEPS = "import time\ntime.sleep(500)\n"
#: Sleepers of many kinds: none of them ends by itself while a test runs.
PROGRAMS = {
    "the program sleeps": (SLEEPS, "assert f() == 1"),
    "its children sleep": (
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"for _ in range(3):\n    if os.fork() == 0: os.setsid()\n{SLEEPS}",
        "assert f() == 1",
    ),
    "the tests sleep": ("def f():\n    return 1\n", f"{SLEEPS}assert f() == 1"),
    "a script sleeps": (SLEEPS, '{"inputs": [""], "outputs": ["1"]}'),
}
_WAIT_S = 30.0


def wait_for(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold in reasonable time."""
    until = time.monotonic() + _WAIT_S
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def ours(folder: Path) -> list[psutil.Process]:
    """Processes whose temporary files belong in `folder`: the asker, and all that it began."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            inside = process.environ().get("TMPDIR", "").startswith(str(folder))
            if inside and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files that a confined process may enter; its processes end."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent.name.startswith(("pytest", "test")):
            parent.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    for process in ours(tmp_path):
        process.kill()


def ask(program: tuple[str, str]) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": python_path()}
    command = [sys.executable, "-c", ASKER, json.dumps(program)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)


def at_work(asker: "subprocess.Popen[bytes]", folder: Path) -> bool:
    """Whether the program runs: the worker's descendants that have another user's rights."""
    chain = [psutil.Process(asker.pid).children(), psutil.Process(asker.pid).children(True)]
    return len(chain[1]) >= 4 and any(list(folder.glob("memreward-scratch-*/memreward-program*")))


def cleared(folder: Path) -> bool:
    """Whether the next one's folder is the only one in `folder` while it lives.

    A process that is ending holds its folder until it is gone, also when its environment cannot be
    read any more.
    """
    scratch = Scratch()
    alone = list(folder.glob("memreward-*")) == [scratch.folder]
    scratch.end()
    return alone and not list(folder.glob("memreward-*"))


@pytest.mark.parametrize("victim", ["asker", "worker", "starter", "between", "all"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_all_end_with_who_asked(folder: Path, name: str, victim: str) -> None:
    with ask(PROGRAMS[name]) as asker:
        assert asker.stdout is not None and asker.stdout.readline() == b"asked\n"
        assert wait_for(lambda: at_work(asker, folder))
        (worker,) = psutil.Process(asker.pid).children()
        starter, *others = sorted(worker.children(), key=lambda one: one.pid)
        between = [*starter.children(), *others]
        begun = ours(folder)
        killed = {"asker": [], "worker": [worker], "starter": [starter], "between": between}
        for process in killed.get(victim, [worker, starter, *between]):
            os.kill(process.pid, signal.SIGKILL)
        asker.kill()
    assert len(begun) >= 4
    assert wait_for(lambda: not ours(folder)), ours(folder)
    assert wait_for(lambda: cleared(folder))


@pytest.mark.parametrize("place", range(8))
def test_an_asker_killed_while_it_begins_leaves_nothing(folder: Path, place: int) -> None:
    """It is killed as soon as so many processes of its own are there."""
    with ask(PROGRAMS["the program sleeps"]) as asker:
        assert wait_for(lambda: len(ours(folder)) > min(place, 5))
        asker.kill()
    assert wait_for(lambda: not ours(folder)), ours(folder)
    assert wait_for(lambda: cleared(folder))
