"""The one door to Neo4j: the driver is imported here and nowhere else."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar, cast

import neo4j
from neo4j import exceptions

from memstore.named_queries import named_queries
from schema.errors import QueryRefusedError, ServerError, StoreError

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
RETRY_TIME_S = 30.0
_TOO_MANY_LOGINS = "Neo.ClientError.Security.AuthenticationRateLimit"


@contextmanager
def wrapped_errors(uri: str) -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the password.
        StoreError: if it refuses a statement.
    """
    try:
        yield
    except exceptions.AuthError as exc:
        raise ServerError(
            f"Neo4j at {uri} refused the login: "
            "check MEMREWARD_NEO4J_USER and MEMREWARD_NEO4J_PASSWORD"
        ) from exc
    except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as exc:
        raise ServerError(
            f"Neo4j at {uri} does not answer ({exc}); start it with `memreward up`, "
            "or see `memreward doctor`"
        ) from exc
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
    """Log in and return the server's version.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the password.
    """
    with open_driver(uri, user, password) as driver, wrapped_errors(uri):
        return str(driver.get_server_info().agent)


class GraphTransaction:
    """Named statements inside one transaction."""

    def __init__(self, transaction: neo4j.ManagedTransaction, file: str) -> None:
        self._transaction = transaction
        self._queries = named_queries(file)

    def rows(self, name: str, /, **parameters: object) -> list[list[Any]]:
        """All rows of a named query."""
        query = cast(LiteralString, self._queries[name])
        return self._transaction.run(query, parameters).values()

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
    """Columns and rows of a user's query."""

    columns: list[str]
    rows: list[dict[str, Any]]


class GraphStore:
    """One driver to one Neo4j."""

    def __init__(self, uri: str, user: str, password: str) -> None:
        """Open the driver.

        Raises:
            ServerError: if Neo4j cannot be reached or refuses the password.
        """
        self._uri = uri
        self._driver = open_driver(uri, user, password)

    def read(self, file: str, work: Callable[[GraphTransaction], T]) -> T:
        """Run `work` in one read transaction over the statements of `queries/<file>`."""
        with wrapped_errors(self._uri), self._driver.session() as session:
            return session.execute_read(lambda tx: work(GraphTransaction(tx, file)))

    def write(self, file: str, work: Callable[[GraphTransaction], T]) -> T:
        """Run `work` in one write transaction; transient errors are retried by the driver."""
        with wrapped_errors(self._uri), self._driver.session() as session:
            return session.execute_write(lambda tx: work(GraphTransaction(tx, file)))

    def query(self, cypher: str, parameters: Mapping[str, object], timeout_s: float) -> QueryResult:
        """Run a user's query, which may only read.

        Raises:
            QueryRefusedError: if it is not a read, is wrong, or takes too long.
            ServerError: if Neo4j does not answer.
        """

        def work(tx: neo4j.ManagedTransaction) -> QueryResult:
            plan = tx.run(cast(LiteralString, f"EXPLAIN {cypher}"), dict(parameters)).consume()
            if plan.query_type != "r":
                raise QueryRefusedError(
                    "only queries that read are let through: no CREATE, MERGE, SET, DELETE, "
                    "no schema or administration command"
                )
            result = tx.run(cast(LiteralString, cypher), dict(parameters))
            columns = list(result.keys())
            return QueryResult(columns=columns, rows=result.data())

        limited = neo4j.unit_of_work(timeout=timeout_s)(work)
        try:
            with self._driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
                return session.execute_read(limited)
        except exceptions.ClientError as exc:
            if isinstance(exc, exceptions.AuthError):
                raise ServerError(f"Neo4j at {self._uri} refused the login") from exc
            raise QueryRefusedError(f"Neo4j refused the query: {exc.message}") from exc
        except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as exc:
            raise ServerError(
                f"Neo4j at {self._uri} does not answer; start it with `memreward up`"
            ) from exc

    def close(self) -> None:
        """Close all connections."""
        self._driver.close()
