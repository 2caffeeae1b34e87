"""A TCP proxy that cuts a connection around a COMMIT."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

#: What a commit looks like on its way to the server: Postgres' simple query, Bolt's message.
COMMIT: Final = {"postgres": b"COMMIT\x00", "neo4j": b"\x00\x02\xb0\x12\x00\x00"}


class Cut(StrEnum):
    """When the connection is cut, as the server sees it."""

    BEFORE = "the commit never arrives"
    AFTER = "the commit is done, its answer never arrives"
    WITHIN = "the commit arrives, and the connection is cut at once"


@dataclass
class Proxy:
    """Listens on a free port; cuts the connection over which the `nth` commit comes, once."""

    host: str
    port: int
    commit: bytes
    nth: int = 0
    cut: Cut = Cut.AFTER
    #: Commits seen, connections cut.
    seen: int = 0
    cuts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.own_port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, nth: int, cut: Cut) -> None:
        """Cut at the nth commit from now."""
        with self._lock:
            self.seen, self.cuts, self.nth, self.cut = 0, 0, nth, cut

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((self.host, self.port))
            except OSError:
                client.close()
                continue
            drop = threading.Event()
            for pump in (self._to_server, self._to_client):
                threading.Thread(target=pump, args=(client, server, drop), daemon=True).start()

    def _to_server(
        self, client: socket.socket, server: socket.socket, drop: threading.Event
    ) -> None:
        tail = b""
        while data := _receive(client):
            window = tail + data
            tail = window[-(len(self.commit) - 1) :]
            if not self._hit(window.count(self.commit)):
                if not _send(server, data):
                    break
            elif self.cut is Cut.BEFORE:
                break
            elif self.cut is Cut.AFTER:
                drop.set()
                _send(server, data)
                return  # The other pump closes both once the answer is there.
            else:
                _send(server, data)
                break
        _close(client, server)

    def _hit(self, commits: int) -> bool:
        with self._lock:
            if not commits:
                return False
            before, self.seen = self.seen, self.seen + commits
            hit = before < self.nth <= self.seen
            self.cuts += hit
            return hit

    def _to_client(
        self, client: socket.socket, server: socket.socket, drop: threading.Event
    ) -> None:
        while data := _receive(server):
            if drop.is_set() or not _send(client, data):
                break
        _close(client, server)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _send(target: socket.socket, data: bytes) -> bool:
    try:
        target.sendall(data)
    except OSError:
        return False
    return True


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
