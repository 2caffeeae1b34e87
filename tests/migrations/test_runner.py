"""Migrations on real databases: once each, in order, refused when they do not fit.

Neo4j Community has one database, so the migrations of a test continue those of the project, and
their traces are removed afterwards. Postgres gets a new database for each test.
"""

import shutil
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from memstore.db.addresses import Addresses
from memstore.db.graph_store import open_driver
from memstore.db.vector_store import connect
from migrations import runner
from migrations.runner import Database, Migration, applied, known, migrate, pending, statements
from schema.errors import MigrationError

FIRST = max(migration.version for migration in known()) + 1


@pytest.fixture
def dsn(servers: Addresses) -> Iterator[str]:
    """A Postgres database that was never migrated."""
    name = f"runner_{uuid.uuid4().hex[:12]}"
    with connect(servers.postgres_dsn) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(servers.postgres_dsn, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def postgres(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(dsn) as connection:
        yield connection


@pytest.fixture
def graph(servers: Addresses) -> Iterator[neo4j.Driver]:
    """Neo4j as the project's migrations left it, before and after."""
    with open_driver(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password) as driver:
        yield driver
        driver.execute_query("MATCH (n:Migration) WHERE n.version >= $first DELETE n", first=FIRST)
        driver.execute_query("MATCH (n:RunnerTest) DELETE n")
        driver.execute_query("DROP CONSTRAINT runner_test IF EXISTS")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project's migrations and one more for each database."""
    for migration in known():
        shutil.copy(runner.FOLDER / migration.filename, tmp_path)
    (tmp_path / f"{FIRST:04d}_more.sql").write_text("CREATE TABLE more (n integer);\n")
    (tmp_path / f"{FIRST:04d}_more.cypher").write_text(
        "// A comment; with a semicolon\n"
        "CREATE CONSTRAINT runner_test IF NOT EXISTS\n"
        "FOR (n:RunnerTest) REQUIRE n.name IS UNIQUE;\n"
        "MERGE (:RunnerTest {name: 'a;b'});\n"
    )
    (tmp_path / "README.md").write_text("not a migration\n")
    return tmp_path


def names(migrations: list[Migration]) -> list[str]:
    return [migration.filename for migration in migrations if migration.version >= FIRST]


def count(graph: neo4j.Driver) -> int:
    return graph.execute_query("MATCH (n:RunnerTest) RETURN count(n)").records[0][0]


BOTH = [f"{FIRST:04d}_more.sql", f"{FIRST:04d}_more.cypher"]


def test_applies_each_once(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path
) -> None:
    dry = migrate(postgres, graph, folder=folder, dry_run=True)
    assert names(dry) == BOTH
    assert count(graph) == 0
    assert not any(done.database is Database.POSTGRES for done in applied(postgres, graph))
    assert migrate(postgres, graph, folder=folder) == dry
    assert postgres.execute("SELECT count(*) FROM more").fetchone() == (0,)
    assert count(graph) == 1
    assert pending(postgres, graph, folder) == migrate(postgres, graph, folder=folder) == []
    assert {done.filename for done in applied(postgres, graph)} == {
        migration.filename for migration in known(folder)
    }


def test_project_migrations_are_applied_by_the_fixture(servers: Addresses) -> None:
    with (
        connect(servers.postgres_dsn) as postgres,
        open_driver(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password) as graph,
    ):
        assert pending(postgres, graph) == []


def test_changed_file_is_refused(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path
) -> None:
    migrate(postgres, graph, folder=folder)
    with (folder / BOTH[1]).open("a") as file:
        file.write("// one more word\n")
    with pytest.raises(MigrationError, match=f"{BOTH[1]} was changed after"):
        migrate(postgres, graph, folder=folder)


@pytest.mark.parametrize("suffix", ["sql", "cypher"])
def test_newer_database_is_refused(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path, suffix: str
) -> None:
    migrate(postgres, graph, folder=folder)
    (folder / f"{FIRST:04d}_more.{suffix}").unlink()
    with pytest.raises(MigrationError, match=rf"_more.{suffix}.*a newer one. Update memreward"):
        migrate(postgres, graph, folder=folder, dry_run=True)


def test_failed_sql_leaves_nothing_and_stops(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path
) -> None:
    (folder / BOTH[0]).write_text("CREATE TABLE more (n integer);\nSELECT nonsense;\n")
    with pytest.raises(MigrationError, match=rf"{BOTH[0]} was not applied: Postgres.*nonsense"):
        migrate(postgres, graph, folder=folder)
    assert postgres.execute("SELECT to_regclass('more') IS NULL").fetchone() == (True,)
    assert count(graph) == 0
    (folder / BOTH[0]).write_text("CREATE TABLE more (n integer);\n")
    assert names(migrate(postgres, graph, folder=folder)) == BOTH


def test_failed_cypher_is_run_again_whole(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path
) -> None:
    good = (folder / BOTH[1]).read_text()
    (folder / BOTH[1]).write_text(good + "NONSENSE;\n")
    with pytest.raises(MigrationError, match=f"{BOTH[1]} was not applied: Neo4j"):
        migrate(postgres, graph, folder=folder)
    (folder / BOTH[1]).write_text(good)
    assert names(migrate(postgres, graph, folder=folder)) == [BOTH[1]]
    assert count(graph) == 1


def test_number_below_the_last_is_refused(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path
) -> None:
    (folder / BOTH[0]).rename(folder / f"{FIRST + 1:04d}_more.sql")
    migrate(postgres, graph, folder=folder)
    (folder / f"{FIRST:04d}_late.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match=r"late.sql is new.*give it the next free number"):
        migrate(postgres, graph, folder=folder)


def test_two_processes_apply_each_once(dsn: str, graph: neo4j.Driver, folder: Path) -> None:
    done: list[list[Migration]] = []

    def run() -> None:
        with connect(dsn) as connection:
            done.append(migrate(connection, graph, folder=folder))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert sorted(map(names, done)) == [[], [], [], BOTH]


def test_two_files_with_one_number_are_refused(folder: Path) -> None:
    (folder / f"{FIRST:04d}_other.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match="give each its number"):
        known(folder)


def test_statements_end_at_the_end_of_a_line() -> None:
    text = "// first;\nRETURN 'a;b';\n\nMATCH (n)\nRETURN n;  \n// last\n"
    assert statements(text) == ["RETURN 'a;b'", "MATCH (n)\nRETURN n"]
