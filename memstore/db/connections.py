"""Connections to Postgres: their options, pgvector's types, and the pool that keeps them."""

import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

import numpy as np
import psycopg
from pgvector.psycopg import register_vector
from psycopg.abc import Buffer, DumperKey
from psycopg.adapt import Dumper, Loader, PyFormat
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format, TransactionStatus
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[Any]

CONNECT_TIMEOUT_S: Final = 10
#: Most connections for session locks that are kept open while nobody needs them.
_IDLE_SESSIONS: Final = 8
#: How a vector begins in pgvector's binary form: its dimension, and nothing.
_DIMENSION = struct.Struct(">HH")
#: How an array of Postgres' begins: dimensions, no nulls, type, and its length from 1.
_ARRAY = struct.Struct(">iiIii")
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
    """Writes a float32 array in that form; one of two dimensions is an array of vectors."""

    format = Format.BINARY
    #: Of arrays of two dimensions.
    of_several: "type[_VectorsDumper]"

    def get_key(self, obj: np.ndarray, format: PyFormat) -> DumperKey:
        return self.cls if obj.ndim == 1 else (self.cls, list)

    def upgrade(self, obj: np.ndarray, format: PyFormat) -> Dumper:
        return self if obj.ndim == 1 else self.of_several(self.cls)

    def dump(self, obj: np.ndarray) -> bytes:
        return _DIMENSION.pack(len(obj), 0) + obj.astype(">f4").tobytes()


class _VectorsDumper(Dumper):
    """Writes a float32 array [N, D] as Postgres' array of vectors."""

    format = Format.BINARY
    #: Oid of one vector.
    of_one: int

    def dump(self, obj: np.ndarray) -> bytes:
        n, dimension = obj.shape
        fields = [("bytes", ">i4"), ("D", ">u2"), ("nothing", ">u2"), ("values", ">f4", dimension)]
        rows = np.zeros(n, fields)
        rows["bytes"], rows["D"], rows["values"] = 4 + 4 * dimension, dimension, obj
        return _ARRAY.pack(1, 0, self.of_one, n, 1) + rows.tobytes()


def know_vectors(connection: Connection) -> None:
    """Arrays instead of pgvector's own objects: thousands go through at a time."""
    register_vector(connection)
    info = connection.adapters.types["vector"]
    several = type("VectorsDumper", (_VectorsDumper,), {"oid": info.array_oid, "of_one": info.oid})
    dumper = type("VectorDumper", (_VectorDumper,), {"oid": info.oid, "of_several": several})
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


class SessionConnections:
    """Connections that commit each statement, for session locks: one is used again after another.

    Connecting costs more than what most sessions do. A connection is handed out as if it were new:
    without locks and settings of who had it before.
    """

    def __init__(self, dsn: str) -> None:
        """No connection is made yet."""
        self._dsn = dsn
        self._lock, self._idle, self._is_closed = Lock(), list[Connection](), False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One that nobody else has; closed if what is done with it fails."""
        connection = self._alive() or self._new()
        try:
            yield connection
            connection.execute("SELECT pg_advisory_unlock_all(); RESET ALL")
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    def close(self) -> None:
        """Close those that nobody has, and the others as they come back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _alive(self) -> Connection | None:
        """One that was used before, unless Postgres has ended it."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            reading = select.poll()
            reading.register(connection.fileno(), select.POLLIN)
            if not reading.poll(0):
                return connection
            connection.close()

    def _new(self) -> Connection:
        connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=options(self._dsn),
        )
        know_vectors(connection)
        return connection

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            if (
                not self._is_closed
                and len(self._idle) < _IDLE_SESSIONS
                and connection.info.transaction_status is TransactionStatus.IDLE
            ):
                self._idle.append(connection)
                return
        connection.close()
