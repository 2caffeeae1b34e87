"""The verdict about a program: started in a process of its own, judged in another.

A program that does not end in time, or ends its process, has failed. Tests that do not come to
their end by themselves are undecided.
"""

import mmap
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from schema.answers import code_of
from schema.task import Check
from trainer.code_judge import Cases, ProgramStarter, Started, cases_of, judge, same_output
from trainer.verifiers.verdicts import Verdict, same_process_verdict

#: Most output of a script that is read, bytes.
_LONGEST_OUTPUT: Final = 16 << 20

#: Runs a decision in a confined child; its verdict, or None and why there is none.
Confined = Callable[[Callable[[dict[str, Any]], Verdict]], tuple[Verdict | None, str]]


def program_verdict(
    item: dict[str, Any], deadline_s: float, starter: ProgramStarter, confined: Confined
) -> Verdict:
    """Whether a program passes its tests.

    Args:
        item: `query`, `answer` and `check`; with `same_process`, tests that need it run inside the
            program's own process.
        deadline_s: seconds for all tests together.
        starter: starts the program.
        confined: runs the judge.
    """
    check = Check.from_row(item["check"])
    code = code_of(item["answer"]) or item["answer"]
    if not check.tests.strip():
        return None, "there are no tests"
    cases = cases_of(check.tests)
    folder = Path(tempfile.mkdtemp(prefix="memreward-program-"))
    try:
        if cases is not None and cases.function is None:
            return _script(code, cases, deadline_s, starter, folder)
        tests = check.tests if cases is None else cases
        found = _judged(code, tests, item["query"], check, deadline_s, starter, folder, confined)
    finally:
        starter.end()
        shutil.rmtree(folder)
    if found[0] is None and item.get("same_process"):
        alone, reason = confined(lambda one: same_process_verdict(code, check.tests))
        return alone or (0.0, reason)
    return found


def _judged(
    code: str,
    tests: str | Cases,
    query: str,
    check: Check,
    deadline_s: float,
    starter: ProgramStarter,
    folder: Path,
    confined: Confined,
) -> Verdict:
    started = starter.start(code, folder, int(deadline_s) + 2)
    with mmap.mmap(-1, 1) as shared, memoryview(shared) as waiting:
        waiting[0] = 1

        def decide(_: dict[str, Any]) -> Verdict:
            return judge(tests, query, check.entry_point, started.channel, waiting)

        try:
            found, reason = confined(decide)
        finally:
            started.close()
        if found is not None:
            return found
        if waiting[0]:
            return 0.0, f"the program: {reason}"
        return None, f"the tests: {reason}"


def _script(
    code: str, cases: Cases, deadline_s: float, starter: ProgramStarter, folder: Path
) -> Verdict:
    """Run the program once for each input; its output must be the expected one."""
    until = time.monotonic() + deadline_s
    for number, (given, expected) in enumerate(cases.pairs, 1):
        started = starter.start(code, folder, int(deadline_s) + 2, stdin=given)
        try:
            printed = _read_all(started, until)
            status = None if printed is None else started.exit_status()
        finally:
            starter.end()
            started.close()
        if printed is None:
            return 0.0, "deadline"
        if not same_output(printed, expected):
            return 0.0, f"output {number} of {len(cases.pairs)} differs"
        if status != 0:
            return 0.0, f"the program ends with an error at input {number}"
    return (1.0, "the outputs are right") if cases.pairs else (None, "there are no tests")


def _read_all(started: Started, until: float) -> str | None:
    """What a script prints until its end; None: it does not end in time, or prints too much."""
    pieces: list[bytes] = []
    size = 0
    while size <= _LONGEST_OUTPUT:
        started.channel.settimeout(max(0.001, until - time.monotonic()))
        try:
            piece = started.channel.recv(1 << 16)
        except TimeoutError:
            return None
        except OSError:
            piece = b""
        if not piece:
            return b"".join(pieces).decode("utf-8", "replace")
        pieces.append(piece)
        size += len(piece)
    return None
