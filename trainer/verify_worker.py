"""The process that verifiers live in: `python -m trainer.verify_worker KIND`, JSON over pipes.

It imports what its kind needs once. For each answer it forks twice: the first child leaves the
system's network and process table, the second confines itself and decides. So no answer can change
what the next one meets, and whatever an answer started ends with its deadline.
"""

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from schema.errors import MemrewardError
from schema.task import Check, VerifierKind
from trainer import sandbox
from trainer.verdict import preload, verdict

#: Longest report of a decision, bytes.
_LONGEST_REPORT: Final = 4_096


def main(kind: VerifierKind) -> None:
    """Answer each line of standard input by one of standard output, until there are no more."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nothing, stream)  # What is printed on the way is no reply.
    sandbox.end_with_parent()
    sandbox.adopt_orphans()
    preload(kind)
    replies.write(b'{"ready": true}\n')
    replies.flush()
    for line in requests:
        replies.write(json.dumps(_decide(json.loads(line))).encode() + b"\n")
        replies.flush()


def _decide(request: dict[str, Any]) -> dict[str, Any]:
    """One verdict, by a child that is gone when this returns."""
    folder = Path(tempfile.mkdtemp(prefix="memreward-verify-"))
    report, reporting = os.pipe()
    try:
        child = os.fork()
        if child == 0:
            _isolated(request, folder, reporting)
        os.close(reporting)
        text = _read_until(report, time.monotonic() + request["deadline"])
        os.kill(child, signal.SIGKILL)
        _end_descendants()
    finally:
        os.close(report)
        shutil.rmtree(folder)
    if text is None:
        return {"reward": None, "reason": "deadline"}
    if not text:
        return {"reward": None, "reason": "ended"}
    return json.loads(text)


def _isolated(request: dict[str, Any], folder: Path, reporting: int) -> None:
    """First child: leaves the system behind, and waits for the second; never returns."""
    try:
        sandbox.end_with_parent()
        os.setsid()
        os.close(0)
        sandbox.own_namespaces()
        if os.fork() == 0:
            sandbox.end_with_parent()
            _confined(request, folder, reporting)
        os.close(reporting)
        os.wait()
    finally:
        os._exit(0)


def _confined(request: dict[str, Any], folder: Path, reporting: int) -> None:
    """Second child: decides, and says so; never returns."""
    try:
        sandbox.confine(folder, int(request["deadline"]) + 2)
        reward, reason = verdict(
            request["query"],
            request["thinking"],
            request["answer"],
            Check.from_row(request["check"]),
        )
    except MemrewardError as error:
        reward, reason = None, str(error)
    except BaseException as error:  # Of any kind: nothing that happens here may stay unsaid.
        reward, reason = None, f"{type(error).__name__}: {error}"
    text = json.dumps({"reward": reward, "reason": reason[:500]}).encode()
    os.write(reporting, text[:_LONGEST_REPORT])
    os._exit(0)


def _read_until(pipe: int, deadline: float) -> bytes | None:
    """What comes through a pipe in one piece; b"" if it closes before; None at the deadline."""
    ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
    return os.read(pipe, _LONGEST_REPORT) if ready else None


def _end_descendants() -> None:
    """Kill and reap children until there are none: orphans of an answer have become ours."""
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while True:
        for pid in own.read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


if __name__ == "__main__":
    main(VerifierKind(sys.argv[1]))
