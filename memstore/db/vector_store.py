"""The one door to Postgres; `memstore.db.connections` makes its connections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, LiteralString, cast

import numpy as np
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.json import Json

from memstore.db.connections import CONNECT_TIMEOUT_S, SessionConnections, open_pool
from memstore.db.plans import plans_for_any_memory
from memstore.db.query_files import named_queries
from schema.errors import ServerError, StoreError, StoreFullError, UnreachableError
from schema.tables import Column, Table


def _where(dsn: str) -> str:
    return "{host}:{port}".format_map({"host": "localhost", "port": 5432} | conninfo_to_dict(dsn))


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def wrapped_errors(dsn: str) -> Iterator[None]:
    """Turn psycopg's errors into ours.

    Raises:
        ServerError: if Postgres refuses the password; its UnreachableError, if it cannot be
            reached or the connection was lost.
        StoreError: if it refuses a statement; its StoreFullError, if its disk is full.
    """
    try:
        yield
    except psycopg.errors.DiskFull as exc:
        raise StoreFullError(
            f"Postgres at {_where(dsn)} has no space left ({_first_line(exc)}): free some, then "
            "run the same command again"
        ) from exc
    except psycopg.OperationalError as exc:
        reason = _first_line(exc)
        if "authentication failed" in str(exc) or "permission denied" in reason:
            raise ServerError(
                f"Postgres at {_where(dsn)}: {reason}; check user, password and rights of "
                "MEMREWARD_POSTGRES_DSN"
            ) from exc
        raise UnreachableError(
            f"Postgres at {_where(dsn)}: {reason}; start it with `memreward up`, or see "
            "`memreward doctor`"
        ) from exc
    except psycopg.Error as exc:
        raise StoreError(f"Postgres at {_where(dsn)} refused a statement: {exc}") from exc


def connect(dsn: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    """One connection of its own.

    Raises:
        ServerError: if Postgres cannot be reached or refuses the password.
    """
    with wrapped_errors(dsn):
        return psycopg.connect(dsn, autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_S)


def ping_postgres(dsn: str) -> str:
    """Log in and return the server's version.

    Raises:
        ServerError: if Postgres cannot be reached or refuses the password.
    """
    with wrapped_errors(dsn), connect(dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return str(row[0])


class SqlSession:
    """Named statements on one connection."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        file: str,
        parts: Mapping[str, sql.Composable] | None = None,
        modes: set[str] | None = None,
    ) -> None:
        #: What is switched on, of all sessions of one connection; see `memstore.db.plans`.
        self.modes = set[str]() if modes is None else modes
        self._connection = connection
        self._queries = named_queries(file)
        self._parts = parts

    def of(self, file: str) -> "SqlSession":
        """The same connection with the statements of another file."""
        return SqlSession(self._connection, file, modes=self.modes)

    def written(self, file: str, *, name: str, **values: str | int) -> "SqlSession":
        """The same connection with the statements of a file that no parameter can complete.

        Args:
            file: holds statements with `{index}` and the names of `values` in braces.
            name: of an index: it replaces `{index}`, quoted as an identifier.
            values: replace their names, quoted as constants.
        """
        parts: dict[str, sql.Composable] = {key: sql.Literal(v) for key, v in values.items()}
        parts["index"] = sql.Identifier(name)
        return SqlSession(self._connection, file, parts, self.modes)

    def of_table(self, table: Table, columns: Sequence[Column]) -> "SqlSession":
        """The same connection with the statements of `tables.sql` about columns of a table."""
        parts = _table_parts(table, columns)
        return SqlSession(self._connection, "tables.sql", parts, self.modes)

    def _statement(self, name: str) -> bytes:
        text = self._queries[name]
        if self._parts is not None:
            text = sql.SQL(cast(LiteralString, text)).format(**self._parts).as_string()
        return text.encode()

    def plan(self, name: str, /, **parameters: object) -> str:
        """How Postgres would run a named query."""
        statement = b"EXPLAIN (COSTS OFF) " + self._statement(name)
        return "\n".join(row[0] for row in self._connection.execute(statement, parameters))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several statements of a session that commits each: all of them or nothing."""
        with self._connection.transaction():
            yield

    def rows(self, name: str, /, **parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a named query."""
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(self._statement(name), parameters)
            return cursor.fetchall()

    def row(self, name: str, /, **parameters: object) -> tuple[Any, ...] | None:
        """The first row of a named query, if there is one."""
        return next(iter(self.rows(name, **parameters)), None)

    def stream(
        self, name: str, size: int, /, **parameters: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a named query, `size` at a time, by a cursor on the server."""
        with (
            self._connection.transaction(),
            self._connection.cursor("memreward_stream", binary=True) as cursor,
        ):
            cursor.execute(self._statement(name), parameters)
            while rows := cursor.fetchmany(size):
                yield rows

    @property
    def takes_statements(self) -> bool:
        """Whether neither the connection nor its transaction has failed, and none is running."""
        idle = (TransactionStatus.IDLE, TransactionStatus.INTRANS)
        return self._connection.info.transaction_status in idle

    def is_alive(self) -> bool:
        """Whether Postgres still knows this session, and so the locks that it took; asks it."""
        try:
            self._connection.execute("")
        except psycopg.OperationalError:
            return False
        return True

    def run(self, name: str, /, **parameters: object) -> int:
        """Execute a named statement and return the number of rows it touched."""
        return self._connection.execute(self._statement(name), parameters).rowcount

    def copy(self, table: Table, rows: Iterable[Mapping[str, Any]], **same: object) -> None:
        """Bulk insert; rows have the same columns, but for those that are the `same` for all.

        Columns that are not given get what the database puts there by itself.
        """
        rows = iter(rows)
        if (first := next(rows, None)) is None:
            return
        columns = [table.column(name) for name in (*same, *first)]
        names, values = list(first), tuple(same.values())
        statement = self.of_table(table, columns)._statement("copy")
        cursor = self._connection.cursor()
        with plans_for_any_memory(self), cursor, cursor.copy(statement) as copy:
            copy.set_types([column.type.value for column in columns])
            for row in chain([first], rows):
                copy.write_row((*values, *(row[name] for name in names)))

    def embeddings(self, name: str, /, **parameters: object) -> tuple[list[str], np.ndarray]:
        """Ids and float32 embeddings [N, D] of a named query that returns (id, vector)."""
        rows = self.rows(name, **parameters)
        if not rows:
            return [], np.zeros((0, 0), dtype=np.float32)
        return [row[0] for row in rows], vectors([row[1] for row in rows])


def _table_parts(table: Table, columns: Sequence[Column]) -> dict[str, sql.Composable]:
    """What the placeholders of `tables.sql` are replaced by."""
    has_generations = any(column.name == "generation" for column in table.columns)
    current = "generation = %(generation)s" if has_generations else "true"
    current_of_part = "generation = part.of_generation" if has_generations else "true"
    return {
        "table": sql.Identifier("memreward", table.name),
        "columns": sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        "key": sql.SQL(", ").join(sql.Identifier(name) for name in ("seq", *table.key)),
        "current": sql.SQL(current),
        "current_of_part": sql.SQL(current_of_part),
    }


def vectors(column: Sequence[Any]) -> np.ndarray:
    """Vectors of one dimension as a float32 array [N, D]."""
    return np.stack(column)


def as_json(value: object) -> Json:
    """Mark a value to be stored as JSON."""
    return Json(value)


class VectorStore:
    """A pool of connections to one Postgres that holds memreward's schema."""

    def __init__(self, dsn: str) -> None:
        """Open the pool.

        Raises:
            ServerError: if Postgres cannot be reached or refuses the password.
        """
        self._dsn = dsn
        #: Host, port and name of the database.
        self.address = f"{_where(dsn)}/{conninfo_to_dict(dsn).get('dbname', '')}"
        ping_postgres(dsn)
        self._pool, self._sessions = open_pool(dsn), SessionConnections(dsn)

    @contextmanager
    def transaction(self, file: str, *, wait_s: float | None = None) -> Iterator[SqlSession]:
        """One transaction over `queries/<file>`; `wait_s`: longest wait for a connection."""
        with wrapped_errors(self._dsn), self._pool.connection(wait_s) as connection:
            yield SqlSession(connection, file)

    @contextmanager
    def reading(self, file: str) -> Iterator[SqlSession]:
        """Reads, and counts for plans, without the two round trips that a transaction costs.

        Each sees what is committed when it begins, as it does in a transaction (READ COMMITTED).
        """
        with wrapped_errors(self._dsn), self._pool.connection() as connection:
            connection.autocommit = True
            try:
                yield SqlSession(connection, file)
            finally:
                if connection.info.transaction_status is TransactionStatus.IDLE:
                    connection.autocommit = False
                else:
                    connection.close()  # Lost, or interrupted: the pool makes another.

    @contextmanager
    def session(self, file: str) -> Iterator[SqlSession]:
        """A connection that commits each statement; for session locks, gone when the block ends."""
        with wrapped_errors(self._dsn), self._sessions.connection() as connection:
            yield SqlSession(connection, file)

    def named_errors(self) -> AbstractContextManager[None]:
        """Within a block that has sessions of several Postgres: what fails there is this one's."""
        return wrapped_errors(self._dsn)

    def close(self) -> None:
        """Close all connections."""
        self._sessions.close()
        self._pool.close()
