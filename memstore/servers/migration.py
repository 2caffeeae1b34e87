"""Migrations of the two databases at given addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from memstore.db import Addresses, connect, open_driver
from migrations import runner
from migrations.runner import Migration


def migrate(addresses: Addresses, *, dry_run: bool = False) -> list[Migration]:
    """Apply what is pending to both databases; see `migrations.runner.migrate`.

    Raises:
        ServerError: a database cannot be reached.
        MigrationError: a database is newer than this code, or refuses a statement.
    """
    with _both(addresses) as connections:
        return runner.migrate(*connections, dry_run=dry_run)


def pending(addresses: Addresses) -> list[Migration]:
    """What is still to be applied; raises as `migrate`."""
    with _both(addresses) as connections:
        return runner.pending(*connections)


@contextmanager
def _both(addresses: Addresses) -> Iterator[tuple[Any, Any]]:
    user, password = addresses.neo4j_user, addresses.neo4j_password
    with (
        connect(addresses.postgres_dsn) as postgres,
        open_driver(addresses.neo4j_uri, user, password) as graph,
    ):
        yield postgres, graph
