"""Verifiers: whether answers are right, found out in processes that are confined and killed.

    with Verifiers() as verifiers:
        verdicts = verifiers.verify([(rollout, check), ...])

A verdict without a reward means that nothing could be decided: never a silent 0.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from memstore import python_path
from schema.errors import InputError, VerifierError
from schema.rollout import Rollout
from schema.task import Check, VerifierKind
from trainer import Scratch, sandbox

#: Seconds that a verdict may take.
DEADLINE_S: Final = 10.0
#: Seconds that a worker may take beyond it, to end what is left, before it is replaced.
_GRACE_S: Final = 30.0
_START_S: Final = 180.0
#: Most bytes of a text that go to a worker.
_LONGEST: Final = 4 << 20
#: So much of the thinking's end is sent, characters.
_TAIL: Final = 4_000
#: Most answers that one request is about.
_MOST_TOGETHER: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a verifier found; `reward` None: it could not decide, for `reason`."""

    reward: float | None
    reason: str


class _Worker:
    """One process of `trainer.verifiers.worker`, in a session and a scratch folder of its own."""

    def __init__(self, kind: VerifierKind) -> None:
        path = {"PATH": os.environ["PATH"]} if "PATH" in os.environ else {}
        self._scratch = Scratch()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-m", "trainer.verifiers.worker", kind.value],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **path,
                "TMPDIR": str(self._scratch.folder),
                "LANG": "C.UTF-8",
                "PYTHONPATH": python_path(),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
            start_new_session=True,
        )
        self._buffer = b""
        if self._line(_START_S) is None:
            self.end()
            raise VerifierError(
                f"the verifier for {kind.value} does not start: run "
                f"`python -m trainer.verifiers.worker {kind.value}` to see why"
            )

    def ask(self, request: dict[str, Any], seconds: float) -> list[dict[str, Any]] | None:
        """Its verdicts, or None if it has none in time or is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._line(seconds)
        return None if line is None else json.loads(line)

    def _line(self, seconds: float) -> bytes | None:
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(pipe, 65_536) if ready else b""
            if not piece:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def end(self) -> None:
        """Kill it and all that it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()
        self._scratch.end()


class Verifiers:
    """A few worker processes for each kind of task that comes; ended by `close`."""

    def __init__(
        self,
        *,
        run_code: bool = False,
        same_process: bool = False,
        deadline_s: float = DEADLINE_S,
        workers: int = 2,
    ) -> None:
        """Workers start when they are needed.

        Args:
            run_code: also run the code of answers; without, code tasks are refused.
            same_process: run tests that replace parts of a program, or compare objects of it, in
                the program's own process, where it could change them; without, they are undecided.
            deadline_s: seconds that one verdict may take.
            workers: processes of a kind at the same time.

        Raises:
            SettingsError: if answers cannot be confined on this system.
        """
        sandbox.require_protection()
        self._run_code, self._same_process = run_code, same_process
        self._deadline_s, self._n_workers = deadline_s, workers
        self._idle: defaultdict[VerifierKind, list[_Worker]] = defaultdict(list)
        self._threads = ThreadPoolExecutor(workers)

    def __enter__(self) -> "Verifiers":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End all workers."""
        self._threads.shutdown(cancel_futures=True)
        for workers in self._idle.values():
            while workers:
                workers.pop().end()

    def verify(self, items: Sequence[tuple[Rollout, Check]]) -> list[Verdict]:
        """One verdict for each (rollout, check), in order.

        Raises:
            InputError: if an answer's code would have to be run and that was not asked for.
            VerifierError: if a worker cannot be started.
        """
        self.require_allowed(check for _, check in items)
        asked: defaultdict[VerifierKind, list[int]] = defaultdict(list)
        verdicts: dict[int, Verdict] = {}
        for place, (rollout, check) in enumerate(items):
            if len(rollout.answer) > _LONGEST:
                reason = f"an answer of {len(rollout.answer)} characters"
                verdicts[place] = Verdict(reward=0.0, reason=reason)
            elif len(rollout.query) > _LONGEST:
                verdicts[place] = Verdict(reward=None, reason="the query is too long")
            else:
                asked[check.kind].append(place)
        chunks = [chunk for kind, places in asked.items() for chunk in self._chunks(kind, places)]
        told = self._threads.map(lambda chunk: self._ask([items[p] for p in chunk]), chunks)
        for chunk, found in zip(chunks, told, strict=True):
            verdicts |= dict(zip(chunk, found, strict=True))
        return [verdicts[place] for place in range(len(items))]

    def require_allowed(self, checks: Iterable[Check]) -> None:
        """Check that no code would have to be run that may not be.

        Raises:
            InputError: if it would.
        """
        if not self._run_code and any(check.kind is VerifierKind.CODE for check in checks):
            raise InputError(
                "these tasks are checked by running the code of answers, which is off: allow it "
                "(--run-code), on a machine where that may be done"
            )

    def _chunks(self, kind: VerifierKind, places: list[int]) -> Iterator[list[int]]:
        """What one request is about: a program alone, of other answers some."""
        share = -(-len(places) // self._n_workers)
        size = 1 if kind is VerifierKind.CODE else min(share, _MOST_TOGETHER)
        for start in range(0, len(places), size):
            yield places[start : start + size]

    def _ask(self, items: list[tuple[Rollout, Check]]) -> list[Verdict]:
        """Verdicts on answers of one kind."""
        kind = items[0][1].kind
        idle = self._idle[kind]
        worker = idle.pop() if idle else _Worker(kind)
        rows = [
            {
                "query": rollout.query,
                # An option may be in the line before the answer.
                "thinking": rollout.thinking[-_TAIL:] if kind is VerifierKind.OPTIONS else "",
                "answer": rollout.answer,
                "check": check.to_row(),
                "same_process": self._same_process,
            }
            for rollout, check in items
        ]
        request = {"items": rows, "deadline": self._deadline_s}
        found = worker.ask(request, len(items) * self._deadline_s + _GRACE_S)
        if found is None:
            worker.end()
            return [Verdict(reward=None, reason="the verifier was lost")] * len(items)
        idle.append(worker)
        return [Verdict(reward=one["reward"], reason=one["reason"]) for one in found]
