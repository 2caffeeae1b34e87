"""The real Postgres: closed, sized, and back after a kill."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from memstore.db.addresses import Addresses
from memstore.db.vector_store import connect, ping_postgres
from memstore.servers import postgres_binaries as postgres_programs
from memstore.servers.home import Home
from memstore.servers.host_memory import MIB
from memstore.servers.postgres_binaries import check_home, installed_folder
from memstore.servers.postgres_server import PostgresServer, memory_settings
from memstore.settings import Settings
from schema.errors import ServerError, SettingsError

#: They start servers of their own.
pytestmark = pytest.mark.servers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run it as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are closed."""
    made = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def own(folder: Path) -> Iterator[PostgresServer]:
    """A Postgres of the test's own, not yet started."""
    home = Home(root=folder / "home")
    home.prepare()
    server = PostgresServer(home=home, wanted_port=0)
    yield server
    server.stop()


def shown(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return row[0]


def test_settings_are_in_force(servers: Addresses) -> None:
    with connect(servers.postgres_dsn) as connection:
        assert shown(connection, "server_version").startswith("18.")
        assert shown(connection, "listen_addresses") == "127.0.0.1"
        assert shown(connection, "unix_socket_directories") == ""
        assert shown(connection, "server_encoding") == "UTF8"
        assert shown(connection, "data_checksums") == "on"
        assert shown(connection, "max_wal_size") == "4GB"
        assert shown(connection, "checkpoint_timeout") == "15min"
        row = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        assert row == [("scram-sha-256",)]
        extension = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
        assert extension == (1,)


@pytest.mark.parametrize("password", ["wrong", ""])
def test_wrong_password(servers: Addresses, password: str) -> None:
    with pytest.raises(ServerError, match=r"MEMREWARD_POSTGRES_DSN|no password"):
        ping_postgres(make_conninfo(servers.postgres_dsn, password=password))


def test_listens_on_loopback_only(servers: Addresses, server_settings: Settings) -> None:
    server = PostgresServer(home=Home(root=server_settings.home), wanted_port=0)
    process = server.process()
    assert process is not None
    listening = [
        found.laddr.ip
        for found in process.net_connections(kind="inet")
        if found.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    assert process.uids().effective != 0


def test_comes_back_after_a_kill(own: PostgresServer) -> None:
    own.start()
    with connect(own.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    process = own.process()
    assert process is not None
    process.kill()
    psutil.wait_procs([process], timeout=30)
    assert own.process() is None
    with pytest.raises(ServerError, match="memreward up"):
        ping_postgres(own.dsn)
    # The old number now belongs to a process that Postgres takes for its own.
    pid_file = own.data / "postmaster.pid"
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n", encoding="utf-8")
    own.start()
    with connect(own.dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_failed_start_says_why(own: PostgresServer) -> None:
    own.start()
    own.stop()
    with (own.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting"):
        own.start()


@as_root
def test_home_that_cannot_work_for_root(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    home = Home(root=folder / "closed" / "home")
    home.prepare()
    server = PostgresServer(home=home, wanted_port=0)
    with pytest.raises(SettingsError, match=f"cannot enter {folder / 'closed'}.*/var/lib"):
        server.start()
    assert stat.S_IMODE((folder / "closed").stat().st_mode) == 0o700
    assert not (home.root / "postgres").exists()
    with pytest.raises(SettingsError):
        check_home(folder / "closed" / "not" / "yet")


@as_root
def test_unreadable_programs_are_copied(
    own: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    installed = installed_folder()
    for part in (installed / "pginstall", installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(part, closed / part.relative_to(installed.parent))
    monkeypatch.setattr(postgres_programs, "installed_folder", lambda: closed / installed.name)
    own.start()
    process = own.process()
    assert process is not None
    assert Path(process.exe()).is_relative_to(own.home.postgres)
    with connect(own.dsn) as connection:
        connection.execute("CREATE EXTENSION vector")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_memory_is_modest_and_bounded() -> None:
    assert memory_settings(24 * 1024 * MIB)["shared_buffers"] == "1536MB"
    assert memory_settings(1024 * MIB)["shared_buffers"] == "128MB"
    assert memory_settings(512 * 1024 * MIB)["shared_buffers"] == "4096MB"
