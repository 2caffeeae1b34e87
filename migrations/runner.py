"""Bring both databases to what this code expects: numbered files, in order, once each.

`NNNN_name.sql` is for Postgres, `NNNN_name.cypher` for Neo4j. A released file is never edited: its
SHA-256 is recorded in the database that it changed. An SQL file is applied in one transaction with
its record. Neo4j cannot mix schema and data changes in one transaction, so each statement of a
Cypher file must be idempotent (`IF NOT EXISTS`, `MERGE`): one that was cut off is run again whole.
Large changes are made `IN TRANSACTIONS`, some rows at a time.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import neo4j
import psycopg
from neo4j.exceptions import DriverError, Neo4jError

from schema.errors import MigrationError
from schema.named_queries import parse_queries

#: The migrations of this version of memreward.
FOLDER: Final = Path(str(files("migrations")))
_FILE_NAME: Final = re.compile(r"(\d{4})_(\w+)\.(sql|cypher)")
_STATEMENT_END: Final = re.compile(r";\s*$", re.MULTILINE)
#: A statement that commits by itself, which only works outside of a transaction.
_COMMITS: Final = re.compile(r"\bIN TRANSACTIONS\b")
_CYPHER_COMMENT: Final = re.compile(r"^\s*//.*$", re.MULTILINE)


class Database(StrEnum):
    """Which database a migration is for; the value is the file's suffix."""

    POSTGRES = "sql"
    NEO4J = "cypher"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One migration file, or the record of one."""

    version: int
    name: str
    database: Database
    #: SHA-256 of the file.
    checksum: str
    text: str = field(default="", repr=False, compare=False)

    @property
    def filename(self) -> str:
        """Name of the file."""
        return f"{self.version:04d}_{self.name}.{self.database}"


def known(folder: Path = FOLDER) -> list[Migration]:
    """Every migration of `folder`, by number, Postgres before Neo4j.

    Raises:
        MigrationError: two files for one database share a number.
    """
    found = []
    for path in sorted(folder.iterdir()):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue
        content = path.read_bytes()
        found.append(
            Migration(
                version=int(match[1]),
                name=match[2],
                database=Database(match[3]),
                checksum=hashlib.sha256(content).hexdigest(),
                text=content.decode("utf-8"),
            )
        )
    found.sort(key=lambda migration: (migration.version, migration.database != Database.POSTGRES))
    places = [(migration.version, migration.database) for migration in found]
    for migration, place in zip(found, places, strict=True):
        if places.count(place) > 1:
            raise MigrationError(
                f"{folder} holds two migrations like {migration.filename}: give each its number."
            )
    return found


def applied(postgres: psycopg.Connection[Any], graph: neo4j.Driver) -> list[Migration]:
    """What both databases have recorded; empty for databases never migrated.

    Args:
        postgres: a connection in autocommit mode.
        graph: a driver of the Neo4j that belongs to it.

    Raises:
        MigrationError: a database refuses to tell.
    """
    with _wrapped_errors("reading the applied migrations"):
        rows: list[tuple[Any, ...]] = []
        if _sql_rows(postgres, "has_record")[0][0]:
            rows = _sql_rows(postgres, "applied")
        records = graph.execute_query(_cypher("applied")).records
    found = [(Database.POSTGRES, row) for row in rows]
    found += [(Database.NEO4J, tuple(record.values())) for record in records]
    return [
        Migration(version=row[0], name=row[1], checksum=row[2], database=database)
        for database, row in found
    ]


def pending(
    postgres: psycopg.Connection[Any], graph: neo4j.Driver, folder: Path = FOLDER
) -> list[Migration]:
    """What is still to be applied, in order.

    Raises:
        MigrationError: a database is newer than this code, or an applied file was changed.
    """
    files_by_place = {(file.version, file.database): file for file in known(folder)}
    done = applied(postgres, graph)
    for record in done:
        file = files_by_place.pop((record.version, record.database), None)
        if file is None:
            raise MigrationError(
                f"the database already has {record.filename}, which this version of memreward "
                "does not know: it was migrated by a newer one. Update memreward, or use other "
                "databases (another MEMREWARD_HOME)."
            )
        if file.checksum != record.checksum:
            raise MigrationError(
                f"{file.filename} was changed after it had been applied (SHA-256 "
                f"{record.checksum[:12]}... then, {file.checksum[:12]}... now). Restore the file; "
                "a change belongs into a new migration."
            )
    _refuse_gaps(list(files_by_place.values()), done)
    return list(files_by_place.values())


def migrate(
    postgres: psycopg.Connection[Any],
    graph: neo4j.Driver,
    *,
    folder: Path = FOLDER,
    dry_run: bool = False,
) -> list[Migration]:
    """Apply what is pending, one process at a time, and return it.

    Args:
        postgres: a connection in autocommit mode; it holds the lock for both databases.
        graph: a driver of the Neo4j that belongs to it.
        folder: where the migration files are.
        dry_run: only say what would be applied.

    Raises:
        MigrationError: as `pending`, or a statement is refused; what came before it stays applied.
    """
    if dry_run:
        return pending(postgres, graph, folder)
    with _lock(postgres):
        todo = pending(postgres, graph, folder)
        for migration in todo:
            with _wrapped_errors(f"{migration.filename} was not applied"):
                if migration.database is Database.POSTGRES:
                    _apply_sql(postgres, migration)
                else:
                    _apply_cypher(graph, migration)
        return todo


def _refuse_gaps(todo: Sequence[Migration], done: Sequence[Migration]) -> None:
    """A file numbered below what its database already has would be applied out of order."""
    for database in Database:
        last = max((record.version for record in done if record.database is database), default=0)
        for migration in todo:
            if migration.database is database and migration.version < last:
                raise MigrationError(
                    f"{migration.filename} is new, but the database already has number {last}: "
                    "give it the next free number."
                )


def _apply_sql(postgres: psycopg.Connection[Any], migration: Migration) -> None:
    with postgres.transaction():
        postgres.execute(_sql("create_record"))
        postgres.execute(migration.text.encode())
        postgres.execute(_sql("record"), _record(migration))


def _apply_cypher(graph: neo4j.Driver, migration: Migration) -> None:
    for statement in [*statements(_cypher("create_record")), *statements(migration.text)]:
        if _COMMITS.search(statement):
            with graph.session() as session:
                session.run(cast(LiteralString, statement)).consume()
        else:
            graph.execute_query(cast(LiteralString, statement))
    graph.execute_query(_cypher("record"), parameters_=_record(migration))


def statements(text: str) -> list[str]:
    """The statements of a Cypher file: each ends with `;` at the end of a line."""
    without_comments = _CYPHER_COMMENT.sub("", text)
    parts = [part.strip() for part in _STATEMENT_END.split(without_comments)]
    return [part for part in parts if part]


def _record(migration: Migration) -> dict[str, Any]:
    return {
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
    }


@contextmanager
def _lock(postgres: psycopg.Connection[Any]) -> Iterator[None]:
    with _wrapped_errors("waiting for another migration"):
        postgres.execute(_sql("lock"))
    try:
        yield
    finally:
        if not postgres.broken:
            postgres.execute(_sql("unlock"))


@contextmanager
def _wrapped_errors(what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"{what}: Postgres says {str(error).strip()}. Have its administrator grant what "
            "docs/operating.md lists for your own databases, then run `memreward migrate` again."
        ) from error
    except psycopg.Error as error:
        reason = str(error).strip()
        raise MigrationError(f"{what}: Postgres says {reason}. See `memreward doctor`.") from error
    except (Neo4jError, DriverError) as error:
        raise MigrationError(f"{what}: Neo4j says {error}. See `memreward doctor`.") from error


def _sql_rows(postgres: psycopg.Connection[Any], name: str) -> list[tuple[Any, ...]]:
    return postgres.execute(_sql(name)).fetchall()


def _sql(name: str) -> bytes:
    return _queries("runner.sql")[name].encode()


def _cypher(name: str) -> LiteralString:
    return cast(LiteralString, _queries("runner.cypher")[name])


@cache
def _queries(file: str) -> dict[str, str]:
    return parse_queries((FOLDER / file).read_text(encoding="utf-8"))
