"""The pages at an address of this machine, until a signal."""

import secrets
import socket
from collections.abc import Callable

from memreward.look.app import create_app
from memreward.look.request import Looked
from memreward.web import run_until_stopped

#: A page that is being read need not be waited for.
_STOP_SECONDS = 5


def serve_pages(looked: Looked, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        looked: what is shown.
        listener: see `memreward.web`.
        ready: called with the link before the first request is taken.
    """
    token = secrets.token_urlsafe(32)
    port = listener.getsockname()[1]
    run_until_stopped(
        create_app(looked, token=token, port=port),
        listener,
        lambda: ready(f"http://127.0.0.1:{port}/?token={token}"),
        stop_seconds=_STOP_SECONDS,
    )
