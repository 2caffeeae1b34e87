"""A process that starts programs, and that never sees a test.

It is forked before any request is read: a program that searches its own memory finds the program
and nothing else. Programs are its children's children, confined as all that a policy wrote.
"""

import gc
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from trainer import sandbox
from trainer.code_judge.program import run_script, serve

#: File descriptors that a worker may have open.
_MOST_OPEN: Final = 4_096


class ProgramStarter:
    """Starts and ends programs, one at a time."""

    def __init__(self, end_descendants: Callable[[], None]) -> None:
        """Fork the process.

        Args:
            end_descendants: kills and reaps all children of the process that calls it.
        """
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            # Nothing else of the worker's comes along: above all not the pipe of its replies.
            os.closerange(3, theirs.fileno())
            os.closerange(theirs.fileno() + 1, _MOST_OPEN)
            try:
                _serve(theirs, end_descendants)
            finally:
                os._exit(0)
        theirs.close()
        self._control = ours

    def start(
        self, code: str, folder: Path, cpu_seconds: int, stdin: str | None = None
    ) -> "Started":
        """Start a program; `stdin` None: it answers calls, else it runs as a script."""
        channel, far = socket.socketpair()
        status, reporting = os.pipe()
        order = {
            "code": code,
            "stdin": stdin,
            "folder": str(folder),
            "cpu_seconds": cpu_seconds,
        }
        frame = json.dumps(order).encode("utf-8", "surrogatepass")
        socket.send_fds(self._control, [len(frame).to_bytes(8, "big")], [far.fileno(), reporting])
        self._control.sendall(frame)
        far.close()
        os.close(reporting)
        return Started(channel=channel, status=status)

    def end(self) -> None:
        """End the program and all that it started."""
        self._control.sendall((0).to_bytes(8, "big"))
        self._control.recv(1)


class Started:
    """A running program: a channel to it, and a pipe that tells how it ended."""

    def __init__(self, *, channel: socket.socket, status: int) -> None:
        """Both are closed by `close`."""
        self.channel, self._status = channel, status

    def exit_status(self) -> int | None:
        """How it ended; None: it was killed. Waits for the end."""
        said = os.read(self._status, 1)
        return said[0] if said else None

    def close(self) -> None:
        """Let go of it."""
        self.channel.close()
        os.close(self._status)


def _serve(control: socket.socket, end_descendants: Callable[[], None]) -> None:
    sandbox.end_with_parent()
    sandbox.adopt_orphans()
    gc.freeze()  # What is loaded stays shared with the programs.
    while True:
        head, fds, _, _ = socket.recv_fds(control, 8, 2)
        if not head:
            return
        size = int.from_bytes(head, "big")
        if not size:
            end_descendants()
            control.sendall(b"\n")
            continue
        frame = b""
        while len(frame) < size:
            frame += control.recv(size - len(frame))
        order = json.loads(frame.decode("utf-8", "surrogatepass"))
        if sandbox.fork() == 0:
            control.close()
            _isolated(order, socket.socket(fileno=fds[0]), fds[1])
        for fd in fds:
            os.close(fd)


def _isolated(order: dict[str, Any], channel: socket.socket, reporting: int) -> None:
    """Leaves the system behind and waits for the program; never returns."""
    try:
        os.setsid()
        sandbox.own_namespaces()
        child = sandbox.fork()
        if child == 0:
            os.close(reporting)
            _confined(order, channel)
        channel.close()
        while True:
            pid, status = os.wait()
            if pid == child:
                break
        if os.WIFEXITED(status):
            os.write(reporting, bytes([os.WEXITSTATUS(status)]))
    finally:
        os._exit(0)


def _confined(order: dict[str, Any], channel: socket.socket) -> None:
    """Confine this process and run the program in it; never returns."""
    try:
        sandbox.confine(Path(order["folder"]), order["cpu_seconds"])
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if order["stdin"] is None:
            serve(order["code"], channel)
        else:
            run_script(order["code"], order["stdin"], channel)
    finally:
        os._exit(1)
