"""The one door to Neo4j: the driver is imported here and nowhere else."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString, TypeVar, cast

import neo4j
from neo4j import exceptions

from memstore.db.plain_values import plain
from memstore.db.query_files import named_queries
from memstore.db.query_guard import check_length, check_plan
from schema.errors import (
    QueryRefusedError,
    ServerError,
    StoreError,
    StoreFullError,
    UnreachableError,
)

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
#: The driver's own patience; writers have more, see `memstore.db.retry`.
RETRY_TIME_S = 5.0
#: What has to be free on the disk of memreward's own Neo4j before it is written to.
RESERVE_BYTES = 256 << 20
#: Codes of faults that lie in the server, not in what it was told.
_OWN_FAULTS = ("Neo.DatabaseError.General", "Neo.DatabaseError.Transaction")
#: Rows of a user's query that are held at a time.
MAX_ROWS: Final = 1_000_000
_NO_MEMORY: Final = "Memory"
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"
_TOO_MANY_LOGINS = "Neo.ClientError.Security.AuthenticationRateLimit"
#: The driver logs what Neo4j remarks on queries; `QueryResult` has it, for whoever asked.
logging.getLogger("neo4j.notifications").addHandler(logging.NullHandler())


@contextmanager
def wrapped_errors(uri: str) -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        ServerError: if Neo4j refuses the password; its UnreachableError, if it cannot be reached,
            the connection was lost, or it could not serve for as long as it was tried again.
        StoreError: if it refuses a statement; its StoreFullError, if it fails to store anything.
    """
    try:
        yield
    except exceptions.AuthError as exc:
        raise ServerError(
            f"Neo4j at {uri} refused the login: "
            "check MEMREWARD_NEO4J_USER and MEMREWARD_NEO4J_PASSWORD"
        ) from exc
    except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as exc:
        raise UnreachableError(
            f"Neo4j at {uri} does not answer ({exc}); start it with `memreward up`, "
            "or see `memreward doctor`"
        ) from exc
    except exceptions.TransientError as exc:
        raise UnreachableError(
            f"Neo4j at {uri} cannot serve at the moment ({exc}); try again, or see "
            "`memreward doctor`"
        ) from exc
    except exceptions.DatabaseError as exc:
        if (exc.code or "").startswith(_OWN_FAULTS):
            raise StoreFullError(
                f"Neo4j at {uri} cannot write ({exc}): it has no space left or is damaged. Free "
                "some, restart it (`memreward down`, `memreward up`), then run the same command "
                "again; its debug.log says more"
            ) from exc
        raise StoreError(f"Neo4j at {uri} refused a statement: {exc}") from exc
    except (exceptions.Neo4jError, exceptions.DriverError) as exc:
        if isinstance(exc, exceptions.Neo4jError) and exc.code == _TOO_MANY_LOGINS:
            raise ServerError(
                f"Neo4j at {uri} refuses every login for some seconds after wrong passwords: "
                "check MEMREWARD_NEO4J_USER and MEMREWARD_NEO4J_PASSWORD, then try again"
            ) from exc
        raise StoreError(f"Neo4j at {uri} refused a statement: {exc}") from exc


def open_driver(uri: str, user: str, password: str) -> neo4j.Driver:
    """A driver whose login has been tried. One a process: it does not survive a fork.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the password.
    """
    with wrapped_errors(uri):
        driver = neo4j.GraphDatabase.driver(
            uri,
            auth=(user, password),
            connection_timeout=CONNECT_TIMEOUT_S,
            max_transaction_retry_time=RETRY_TIME_S,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
        )
        try:
            driver.verify_connectivity()
        except BaseException:
            driver.close()
            raise
    return driver


def ping_neo4j(uri: str, user: str, password: str) -> str:
    """Log in, ask something and return the server's version.

    The question matters: Neo4j lets users in before its database has recovered.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the password.
    """
    with open_driver(uri, user, password) as driver, wrapped_errors(uri):
        return str(driver.execute_query("RETURN 1").summary.server.agent)


def graph_fault(uri: str, user: str, password: str) -> str | None:
    """What keeps Neo4j from opening its database; None if nothing does.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the password.
    """
    query = cast(LiteralString, named_queries("servers.cypher")["faults"])
    with open_driver(uri, user, password) as driver, wrapped_errors(uri):
        rows = driver.execute_query(query, database_="system").records
    return f"{rows[0]['name']}: {rows[0]['statusMessage']}" if rows else None


class GraphTransaction:
    """Named statements inside one transaction."""

    def __init__(self, transaction: neo4j.ManagedTransaction, file: str) -> None:
        self._transaction = transaction
        self._queries = named_queries(file)

    def of(self, file: str) -> "GraphTransaction":
        """The same transaction with the statements of another file."""
        return GraphTransaction(self._transaction, file)

    def rows(self, name: str, /, **parameters: object) -> list[list[Any]]:
        """All rows of a named query."""
        query = cast(LiteralString, self._queries[name])
        return self._transaction.run(query, parameters).values()

    def stream(self, name: str, size: int, /, **parameters: object) -> Iterator[list[list[Any]]]:
        """Rows of a named query, `size` at a time."""
        query = cast(LiteralString, self._queries[name])
        result = self._transaction.run(query, parameters)
        while records := result.fetch(size):
            yield [record.values() for record in records]

    def records(self, name: str, /, **parameters: object) -> list[dict[str, Any]]:
        """All rows of a named query by column name."""
        query = cast(LiteralString, self._queries[name])
        return self._transaction.run(query, parameters).data()

    def value(self, name: str, /, **parameters: object) -> Any:
        """The first value of the first row; None without a row."""
        rows = self.rows(name, **parameters)
        return rows[0][0] if rows else None


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What a user's query gave; see `memstore.db.plain_values` for nodes."""

    columns: list[str]
    rows: list[dict[str, Any]]
    #: What Neo4j remarks, such as that it has no such label.
    notifications: list[str] = field(default_factory=list)


def _answer(result: neo4j.Result, max_rows: int) -> QueryResult:
    """All rows of a user's query, unless they are too many to be held here or there."""
    rows: list[dict[str, Any]] = []
    try:
        columns = list(result.keys())
        for record in result:
            if len(rows) == max_rows:
                raise QueryRefusedError(f"the query has more than {max_rows:,} rows: give a LIMIT")
            rows.append({name: plain(record[name]) for name in columns})
        remarks = [
            status.status_description
            for status in result.consume().gql_status_objects
            if status.is_notification
        ]
    except exceptions.TransientError as exc:
        if _NO_MEMORY not in (exc.code or ""):
            raise  # It is tried again.
        raise QueryRefusedError(
            f"Neo4j gave the query up, since it needs too much memory: narrow it ({exc.message})"
        ) from exc
    return QueryResult(columns=columns, rows=rows, notifications=remarks)


class GraphStore:
    """One driver to one Neo4j."""

    def __init__(self, uri: str, user: str, password: str, *, folder: Path | None = None) -> None:
        """Open the driver.

        Args:
            uri: where Neo4j is.
            user: who logs in.
            password: of the user.
            folder: where it keeps its data, if it is memreward's own.

        Raises:
            ServerError: if Neo4j cannot be reached or refuses the password.
        """
        self._uri = uri
        self._driver = open_driver(uri, user, password)
        self._process = os.getpid()
        self._folder = folder

    def read(self, file: str, work: Callable[[GraphTransaction], T]) -> T:
        """Run `work` in one read transaction over the statements of `queries/<file>`."""
        with wrapped_errors(self._uri), self._session() as session:
            return session.execute_read(lambda tx: work(GraphTransaction(tx, file)))

    def write(self, file: str, work: Callable[[GraphTransaction], T]) -> T:
        """Run `work` in one write transaction; transient errors are retried by the driver.

        Raises:
            StoreFullError: if the disk of memreward's own Neo4j is nearly full: what its log
                does not hold as a whole, it cannot recover from.
        """
        if self._folder is not None and shutil.disk_usage(self._folder).free < RESERVE_BYTES:
            raise StoreFullError(
                f"the disk of {self._folder} has less than {RESERVE_BYTES >> 20} MiB of space "
                "left, and Neo4j does not survive a full one: free some, then run the same "
                "command again"
            )
        with wrapped_errors(self._uri), self._session() as session:
            return session.execute_write(lambda tx: work(GraphTransaction(tx, file)))

    def mark(self) -> str | None:
        """What any later transaction that writes changes, whoever makes it; None: Neo4j has none.

        It is the bookmark of the last committed transaction, of all memories.
        """
        with wrapped_errors(self._uri), self._session() as session:
            session.execute_read(lambda tx: GraphTransaction(tx, "edges.cypher").rows("nothing"))
            return "|".join(sorted(session.last_bookmarks().raw_values)) or None

    def query(
        self, cypher: str, parameters: Mapping[str, object], timeout_s: float, most: int = MAX_ROWS
    ) -> QueryResult:
        """Run a user's query, which may only read: see `memstore.db.query_guard`.

        Raises:
            QueryRefusedError: if it does more than read, is wrong, takes too long or too much
                memory, or has more than `most` rows.
            ServerError: if Neo4j does not answer.
        """
        check_length(cypher)

        def work(tx: neo4j.ManagedTransaction) -> QueryResult:
            explained = tx.run(cast(LiteralString, f"EXPLAIN {cypher}"), dict(parameters)).consume()
            check_plan(explained.query_type, explained.plan)
            return _answer(tx.run(cast(LiteralString, cypher), dict(parameters)), most)

        limited = neo4j.unit_of_work(timeout=timeout_s)(work)
        try:
            with self._session(
                default_access_mode=neo4j.READ_ACCESS, notifications_min_severity="INFORMATION"
            ) as session:
                return session.execute_read(limited)
        except exceptions.ClientError as exc:
            if isinstance(exc, exceptions.AuthError):
                raise ServerError(
                    f"Neo4j at {self._uri} refused the login: "
                    "check MEMREWARD_NEO4J_USER and MEMREWARD_NEO4J_PASSWORD"
                ) from exc
            if (exc.code or "").startswith(_TIMED_OUT):
                raise QueryRefusedError(
                    f"the query took longer than {timeout_s:g} s: narrow it, or allow more time"
                ) from exc
            raise QueryRefusedError(f"Neo4j refused the query: {exc.message}") from exc
        except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as exc:
            raise ServerError(
                f"Neo4j at {self._uri} does not answer; start it with `memreward up`"
            ) from exc

    def _session(self, **options: Any) -> neo4j.Session:
        if os.getpid() != self._process:
            raise StoreError(
                f"the connections to Neo4j at {self._uri} belong to process {self._process}: a "
                "forked process must open the stores for itself"
            )
        return self._driver.session(**options)

    def close(self) -> None:
        """Close all connections."""
        self._driver.close()
