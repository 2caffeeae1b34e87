"""Connections to Postgres: their options, pgvector's types, and the pool that keeps them."""

import select
import struct
from typing import Any, Final

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[Any]

CONNECT_TIMEOUT_S: Final = 10
#: How a vector begins in pgvector's binary form: its dimension, and nothing.
_DIMENSION = struct.Struct(">HH")
#: A writer whose machine is gone loses its locks after about 30 + 3 x 10 seconds.
SESSION_OPTIONS = (
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
)


def options(dsn: str) -> str:
    """Options of every connection, those of its address included."""
    return f"{SESSION_OPTIONS} {conninfo_to_dict(dsn).get('options', '')}"


def open_pool(dsn: str) -> ConnectionPool[Connection]:
    """A pool whose connections know vectors, and are alive when they are handed out."""
    return ConnectionPool(
        dsn,
        kwargs={"options": options(dsn)},
        min_size=1,
        max_size=8,
        open=True,
        configure=_prepare_connection,
        check=_check_connection,
    )


class _VectorLoader(Loader):
    """Reads pgvector's binary form (two 16-bit numbers, then the values) as a float32 array."""

    format = Format.BINARY

    def load(self, data: Buffer) -> np.ndarray:
        return np.frombuffer(data, ">f4", offset=4).astype(np.float32)


class _VectorDumper(Dumper):
    """Writes a float32 array in that form."""

    format = Format.BINARY

    def dump(self, obj: np.ndarray) -> bytes:
        return _DIMENSION.pack(len(obj), 0) + obj.astype(">f4").tobytes()


def know_vectors(connection: Connection) -> None:
    """Arrays instead of pgvector's own objects: thousands go through at a time."""
    register_vector(connection)
    info = connection.adapters.types["vector"]
    dumper = type("VectorDumper", (_VectorDumper,), {"oid": info.oid})
    connection.adapters.register_loader(info.oid, _VectorLoader)
    connection.adapters.register_dumper(np.ndarray, dumper)


def _prepare_connection(connection: Connection) -> None:
    know_vectors(connection)
    connection.commit()


def _check_connection(connection: Connection) -> None:
    """Have a connection that died since it was last used replaced, and not handed out.

    Postgres says nothing on a connection that is not in use but that it ends. Only if there is
    something to read is it asked, which costs a round trip.
    """
    reading = select.poll()
    reading.register(connection.fileno(), select.POLLIN)
    if reading.poll(0):
        ConnectionPool.check_connection(connection)
