"""An ASGI application in this process, until a signal asks it to stop."""

import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

#: How long callers that were taken on may still be answered once a stop was asked for.
STOP_SECONDS: Final = 120


def run_until_stopped(
    app: Callable[..., Awaitable[Any]],
    listener: socket.socket,
    ready: Callable[[], None],
    *,
    stop_seconds: int = STOP_SECONDS,
) -> None:
    """Answer requests until SIGTERM or SIGINT; those that were read are answered still.

    Args:
        app: answers requests.
        listener: see `listening`.
        ready: called before the first request is taken.
        stop_seconds: how long that may take; then it stops all the same.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=stop_seconds,
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
