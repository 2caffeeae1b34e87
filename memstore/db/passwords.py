"""Changing the password of the account that memreward itself uses."""

from typing import LiteralString, cast

from memstore.db import graph_store, vector_store
from memstore.db.query_files import named_queries


def change_neo4j_password(uri: str, user: str, old: str, new: str) -> None:
    """Give a user of Neo4j, who knows the old password, a new one.

    Raises:
        ServerError: if Neo4j cannot be reached or refuses the old password.
    """
    query = cast(LiteralString, named_queries("servers.cypher")["change_password"])
    with graph_store.open_driver(uri, user, old) as driver, graph_store.wrapped_errors(uri):
        driver.execute_query(query, {"old": old, "new": new}, database_="system")


def change_postgres_password(dsn: str, user: str, new: str) -> None:
    """Give a role of Postgres a new password; only its SCRAM verifier reaches the server.

    Raises:
        ServerError: if Postgres cannot be reached or refuses the password in `dsn`.
    """
    with vector_store.wrapped_errors(dsn), vector_store.connect(dsn) as connection:
        connection.pgconn.change_password(user.encode(), new.encode())
