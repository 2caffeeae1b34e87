"""The rights that docs/operating.md has an administrator grant in an own Postgres are enough."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.consistency.check import check_memory
from memstore.db.addresses import Addresses
from memstore.db.stores import open_stores
from memstore.db.vector_store import connect
from memstore.outbox.deletion import delete_memory
from memstore.servers.migration import migrate, pending
from schema.errors import MigrationError, ServerError

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
NAME = "rights_test"


def statements() -> list[tuple[str, str]]:
    """Database and statement, of the page's block of SQL; `memreward` is called otherwise."""
    block = re.search(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    text = re.sub(r"--.*", "", block[1]).replace("'...'", "'a-password'")
    text = text.replace("memreward", NAME)
    before, after = text.split(f"\\connect {NAME}")
    return [
        (database, statement.strip())
        for database, part in (("postgres", before), (NAME, after))
        for statement in part.split(";")
        if statement.strip()
    ]


@pytest.fixture
def owned(servers: Addresses) -> Iterator[Addresses]:
    """The session's Neo4j, and a Postgres database of a role that may do nothing yet."""
    admin = make_conninfo(servers.postgres_dsn, dbname="postgres")
    yield replace(
        servers,
        postgres_dsn=make_conninfo(
            servers.postgres_dsn, dbname=NAME, user=NAME, password="a-password"
        ),
    )
    with connect(admin) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME}")
        connection.execute(f"DROP ROLE IF EXISTS {NAME}")


def test_each_grant_is_needed_and_they_are_enough(servers: Addresses, owned: Addresses) -> None:
    todo = statements()
    assert [statement.split()[0] for _, statement in todo] == [
        "CREATE",
        "CREATE",
        "REVOKE",
        "CREATE",
        "GRANT",
    ]
    for database, statement in todo:
        with pytest.raises((ServerError, MigrationError)) as refused:
            migrate(owned)
        if "permission denied" in str(refused.value):
            assert "rights of" in str(refused.value) or "operating.md" in str(refused.value)
        with connect(make_conninfo(servers.postgres_dsn, dbname=database)) as connection:
            connection.execute(statement.encode())
    assert len(migrate(owned)) >= 9
    assert pending(owned) == []
    with open_stores(owned) as stores:
        memory = MemoryUnderTest(stores, "of-a-modest-role")
        memory.add(make_rollouts(12, 4))
        memory.link()
        assert check_memory(stores, memory.name).ok
        delete_memory(stores, memory.name)
