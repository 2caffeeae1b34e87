"""A memory behind HTTP, from the first request to the last that was taken on."""

import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from memreward import Memory
from memreward.scoring import ScoringQueue
from memreward.serving.app import Served, create_app
from memstore import Settings
from memstore.servers import Home
from schema.errors import SettingsError

#: How long callers that were taken on may still be answered once a stop was asked for.
STOP_SECONDS: Final = 120
_LEAST_TOKEN: Final = 16


def token_of(settings: Settings, given: Path | None) -> tuple[str, Path]:
    """The token, and the file that holds it: one made once a home, if none is given.

    Raises:
        SettingsError: if the file cannot be read, is open to others, or holds no good token.
    """
    if given is None:
        home = Home(root=settings.home)
        home.prepare()
        return home.password("serve-token"), home.secrets / "serve-token"
    try:
        mode = stat.S_IMODE(given.stat().st_mode)
        token = given.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--token-file {given} cannot be read: {error}") from error
    if mode & 0o077:
        raise SettingsError(f"{given} is open to others ({mode:04o}): run `chmod 600 {given}`")
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable():
        raise SettingsError(
            f"{given} holds no token of at least {_LEAST_TOKEN} plain characters: write one, "
            "`openssl rand -hex 24` for example"
        )
    return token, given


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at that address; port 0 takes a free one.

    Raises:
        SettingsError: if the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        opened = socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise SettingsError(
            f"cannot listen at {host}:{port}: {error}. Choose another --port or --host"
        ) from error
    with opened:
        yield opened


def serve_memory(
    memory: Memory, listener: socket.socket, token: str, limit: int, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was taken on and publish it.

    Args:
        memory: opened.
        listener: see `listening`.
        token: that callers must show.
        limit: most rollouts that wait.
        ready: called before the first request is taken.

    Raises:
        MemrewardError: if what was stored cannot be published; it stays accepted.
    """
    queue = ScoringQueue(memory, limit=limit)
    try:
        run_app(memory, queue, listener, token, ready)
    finally:
        queue.close()
    memory.flush()


def run_app(
    memory: Served,
    queue: ScoringQueue,
    listener: socket.socket,
    token: str,
    ready: Callable[[], None],
) -> None:
    """Answer requests until a signal; those that were read are answered still."""
    config = uvicorn.Config(
        create_app(memory, queue, token),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    # uvicorn raises the signal again when it is done, to end as others end; a stop that was asked
    # for is no failure, and there is still work to do.
    before = {s: signal.signal(s, lambda *_: None) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        ready()
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
