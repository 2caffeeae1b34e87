"""The process that verifiers live in: `python -m trainer.verifiers.worker KIND`, JSON over pipes.

It imports what its kind needs once. For each request it forks twice: the first child leaves the
system's network and process table, the second confines itself and decides about one answer after
the other. A program comes alone, and runs in a process apart from its tests
(`trainer.verifiers.program_verdict`); answers that are only read share a child. Whatever an answer
started ends with its deadline.
"""

import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from schema.errors import MemrewardError
from schema.task import Check, VerifierKind
from trainer import sandbox
from trainer.code_judge import ProgramStarter
from trainer.verifiers.program_verdict import program_verdict
from trainer.verifiers.verdicts import Verdict, preload, verdict

_PIECE: Final = 65_536

#: An answer with its check, or a verdict, as JSON has it.
Item = dict[str, Any]
#: Makes a verdict about one item, in a confined child.
Decide = Callable[[Item], Verdict]


def main(kind: VerifierKind) -> None:
    """Answer each line of standard input by one of standard output, until there are no more."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nothing, stream)  # What is printed on the way is no reply.
    sandbox.end_with_parent()
    sandbox.adopt_orphans()
    # Before any request is read: the process that starts programs must never have seen a test.
    sandbox.readable_places()
    starter = ProgramStarter(_end_descendants) if kind is VerifierKind.CODE else None
    preload(kind)
    gc.freeze()  # What is loaded stays shared with the children.
    replies.write(b'{"ready": true}\n')
    replies.flush()
    for line in requests:
        request = json.loads(line)
        items, deadline_s = request["items"], request["deadline"]
        if starter is None:
            found = _decide_all(items, deadline_s)
        else:
            found = [_decide_program(item, deadline_s, starter) for item in items]
        replies.write(json.dumps(found).encode())
        replies.write(b"\n")
        replies.flush()


def _decide_all(items: list[Item], deadline_s: float) -> list[Item]:
    """A verdict for each; an answer that ends its process, or has it ended, is its last."""
    found: list[Item] = []
    while len(found) < len(items):
        verdicts, reason = _decide(items[len(found) :], deadline_s)
        found += verdicts
        if len(found) < len(items):
            found.append(_lost(items[len(found)], reason, deadline_s))
    return found


def _lost(item: Item, reason: str, deadline_s: float) -> Item:
    """The verdict on an answer whose check never came to its end: wrong, if the gold's does."""
    control, _ = _decide([_with_gold(item)], deadline_s)
    right = bool(control) and control[0]["reward"] == 1.0
    return {"reward": 0.0 if right else None, "reason": reason}


def _with_gold(item: Item) -> Item:
    """The same question, answered by what is expected."""
    return {**item, "thinking": "", "answer": item["check"]["gold"]}


def _decide_program(item: Item, deadline_s: float, starter: ProgramStarter) -> Item:
    def confined(decide: Decide) -> tuple[Verdict | None, str]:
        found, reason = _decide([item], deadline_s, decide, keep=starter.pid)
        return ((found[0]["reward"], found[0]["reason"]) if found else None), reason

    reward, reason = program_verdict(item, deadline_s, starter, confined)
    return {"reward": reward, "reason": reason[:500]}


def _decide(
    items: list[Item], deadline_s: float, decide: Decide | None = None, keep: int = -1
) -> tuple[list[Item], str]:
    """The first verdicts, by a child that is gone when this returns, and why there are no more.

    Args:
        items: what is decided about.
        deadline_s: seconds for each.
        decide: makes a verdict of one, in the child; None: by its kind.
        keep: a child of this process that is not ended.
    """
    folder = Path(tempfile.mkdtemp(prefix="memreward-verify-"))
    report, reporting = os.pipe()
    try:
        child = sandbox.fork()
        if child == 0:
            _isolated(items, int(deadline_s) + 2, folder, reporting, decide or _found)
        os.close(reporting)
        lines, reason = _read_lines(report, len(items), deadline_s)
        os.kill(child, signal.SIGKILL)
        _end_descendants(keep)
    finally:
        os.close(report)
        shutil.rmtree(folder)
    return [json.loads(line) for line in lines], reason


def _isolated(
    items: list[Item], cpu_seconds: int, folder: Path, reporting: int, decide: Decide
) -> None:
    """First child: leaves the system behind, and waits for the second; never returns."""
    try:
        os.setsid()
        os.close(0)
        sandbox.own_namespaces()
        if sandbox.fork() == 0:
            _confined(items, cpu_seconds, folder, reporting, decide)
        os.close(reporting)
        os.wait()
    finally:
        os._exit(0)


def _confined(
    items: list[Item], cpu_seconds: int, folder: Path, reporting: int, decide: Decide
) -> None:
    """Second child: decides one after the other, and says so; never returns."""
    try:
        refusal = _refusal(folder, cpu_seconds * len(items))
        for item in items:
            reward, reason = _tried(decide, item) if refusal is None else (None, refusal)
            line = json.dumps({"reward": reward, "reason": reason[:500]})
            os.write(reporting, line.encode() + b"\n")
    finally:
        os._exit(0)


def _refusal(folder: Path, cpu_seconds: int) -> str | None:
    """Confine this process; why that could not be done, in which case nothing may be decided."""
    try:
        sandbox.confine(folder, cpu_seconds)
    except BaseException as error:
        return _said(error)
    return None


def _found(item: Item) -> Verdict:
    """A verdict; where reading the answer raises, it is wrong, if the gold is read as right."""
    try:
        return _verdict(item)
    except BaseException as error:  # Of any kind: nothing that happens here may stay unsaid.
        reward, _ = _tried(_verdict, _with_gold(item))
        return (0.0 if reward == 1.0 else None), _said(error)


def _verdict(item: Item) -> Verdict:
    check = Check.from_row(item["check"])
    return verdict(item["query"], item["thinking"], item["answer"], check)


def _tried(decide: Decide, item: Item) -> Verdict:
    try:
        return decide(item)
    except BaseException as error:  # Of any kind: nothing that happens here may stay unsaid.
        return None, _said(error)


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, MemrewardError) else f"{type(error).__name__}: {error}"


def _read_lines(pipe: int, count: int, deadline_s: float) -> tuple[list[bytes], str]:
    """Up to `count` lines, each by its deadline, and why there are no more.

    There may be more: a program that has forked says everything twice.
    """
    lines: list[bytes] = []
    rest = b""
    deadline = time.monotonic() + deadline_s
    while len(lines) < count:
        ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return lines, "deadline"
        piece = os.read(pipe, _PIECE)
        if not piece:
            return lines, "ended"
        *whole, rest = (rest + piece).split(b"\n")
        if whole:
            lines += whole
            deadline = time.monotonic() + deadline_s
    return lines[:count], ""


def _end_descendants(keep: int = -1) -> None:
    """Kill and reap children until there are none: orphans of an answer have become ours.

    Args:
        keep: a child that is left alone; -1: none.
    """
    own = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while children := {int(pid) for pid in own.read_text(encoding="ascii").split()} - {keep}:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main(VerifierKind(sys.argv[1]))
