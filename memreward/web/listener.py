"""The socket that a server listens at."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from schema.errors import SettingsError


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
