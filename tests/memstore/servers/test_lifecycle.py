"""Both servers together: shared by processes, lasting, and each possibly yours."""

import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from memstore.db.addresses import Addresses
from memstore.db.graph_store import open_driver
from memstore.db.vector_store import connect
from memstore.servers.home import Home
from memstore.servers.lifecycle import ServerState, addresses, down, refuse_stopped, status, up
from memstore.servers.neo4j_server import Neo4jServer
from memstore.servers.postgres_server import PostgresServer
from memstore.servers.processes import living_process
from memstore.settings import Settings, load_settings
from schema.errors import ServerError

#: They start servers of their own.
pytestmark = pytest.mark.servers

UP = """
import sys
from memstore.servers.lifecycle import up
from memstore.settings import load_settings
print(up(load_settings(home=sys.argv[1])))
"""


@pytest.fixture(scope="module")
def private(released_java: None) -> Iterator[Settings]:
    """Servers of this file's own, started by two processes at the same time."""
    folder = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    folder.chmod(0o751)
    settings = load_settings(home=folder / "home")
    try:
        command = [sys.executable, "-c", UP, str(settings.home)]
        started = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        outputs = [process.communicate() for process in started]
        assert [process.returncode for process in started] == [0, 0], outputs
        assert outputs[0][0] == outputs[1][0]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o751
        yield settings
    finally:
        down(settings)
        shutil.rmtree(folder)


def processes(settings: Settings) -> list[psutil.Process]:
    home = Home(root=settings.home)
    neo4j = Neo4jServer(home=home, jars=settings.jars_folder, wanted_port=0).process()
    postgres = PostgresServer(home=home, wanted_port=0).process()
    return [process for process in (neo4j, postgres) if process is not None]


def write(found: Addresses, value: int) -> None:
    with (
        connect(found.postgres_dsn) as postgres,
        open_driver(found.neo4j_uri, found.neo4j_user, found.neo4j_password) as neo4j,
    ):
        postgres.execute("CREATE TABLE IF NOT EXISTS kept (n integer)")
        postgres.execute("INSERT INTO kept VALUES (%s)", [value])
        neo4j.execute_query("CREATE (:Kept {n: $n})", n=value)


def read(found: Addresses) -> tuple[set[int], set[int]]:
    with (
        connect(found.postgres_dsn) as postgres,
        open_driver(found.neo4j_uri, found.neo4j_user, found.neo4j_password) as neo4j,
    ):
        rows = postgres.execute("SELECT n FROM kept").fetchall()
        records, _, _ = neo4j.execute_query("MATCH (k:Kept) RETURN k.n AS n")
    return {row[0] for row in rows}, {record["n"] for record in records}


def test_up_again_changes_nothing(private: Settings) -> None:
    before = processes(private)
    assert up(private) == addresses(private)
    assert len(before) == 2
    assert processes(private) == before


def test_data_outlive_a_stop_and_a_kill(private: Settings) -> None:
    write(addresses(private), 1)
    running = processes(private)
    down(private)
    assert processes(private) == []
    with pytest.raises(ServerError, match=r"Neo4j and Postgres in .* are stopped: .*memreward up"):
        refuse_stopped(private)
    assert not any(living_process(process.pid) for process in running)
    down(private)
    assert {found.state for found in status(private)} == {ServerState.STOPPED}
    write(up(private), 2)
    for process in processes(private):
        process.send_signal(signal.SIGKILL)
    found = up(private)
    assert read(found) == ({1, 2}, {1, 2})
    assert {found.state for found in status(private)} == {ServerState.RUNNING}


def test_a_clean_stop_keeps_the_classes_for_the_next_start(private: Settings) -> None:
    down(private)
    (loaded,) = (private.home / "neo4j" / "classes").glob("neo4j-*.jsa")
    up(private)
    server = Neo4jServer(home=Home(root=private.home), jars=private.jars_folder, wanted_port=0)
    process = server.process()
    assert process is not None
    assert any(
        word.startswith("-XX:SharedArchiveFile=") and word.endswith(f":{loaded}")
        for word in process.cmdline()
    )


def test_both_yours_starts_nothing(servers: Addresses, tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path / "never",
        neo4j_uri=servers.neo4j_uri,
        neo4j_password=servers.neo4j_password,
        postgres_dsn=servers.postgres_dsn,
    )
    assert up(settings) == servers
    assert [(found.state, found.ours) for found in status(settings)] == [
        (ServerState.RUNNING, False)
    ] * 2
    down(settings)
    assert {found.state for found in status(settings)} == {ServerState.RUNNING}
    assert not settings.home.exists()


def test_one_yours_the_other_ours(servers: Addresses) -> None:
    folder = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    settings = load_settings(
        home=folder, neo4j_uri=servers.neo4j_uri, neo4j_password=servers.neo4j_password
    )
    try:
        found = up(settings)
        assert found.neo4j_uri == servers.neo4j_uri
        assert found.postgres_dsn != servers.postgres_dsn
        assert [found.ours for found in status(settings)] == [False, True]
        assert not (folder / "neo4j").exists()
    finally:
        down(settings)
        shutil.rmtree(folder)


def test_wrong_password_of_yours(servers: Addresses, tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path,
        neo4j_uri=servers.neo4j_uri,
        neo4j_password="wrong-password",
        postgres_dsn=servers.postgres_dsn,
    )
    with pytest.raises(ServerError, match="MEMREWARD_NEO4J_PASSWORD"):
        up(settings)
    assert [found.state for found in status(settings)] == [
        ServerState.UNREACHABLE,
        ServerState.RUNNING,
    ]


@pytest.mark.parametrize("name", ["neo4j", "postgres"])
def test_taken_port(servers: Addresses, name: str) -> None:
    """The other server is somebody's, so nothing is started."""
    theirs: dict[str, object] = {"postgres_dsn": servers.postgres_dsn}
    if name == "postgres":
        theirs = {"neo4j_uri": servers.neo4j_uri, "neo4j_password": servers.neo4j_password}
    folder = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    try:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            settings = load_settings(home=folder, **{f"{name}_port": port}, **theirs)
            with pytest.raises(ServerError, match=f"port {port} for {name} is already taken"):
                up(settings)
    finally:
        shutil.rmtree(folder)


def test_server_that_is_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    settings = load_settings(
        home=tmp_path,
        neo4j_uri=f"bolt://127.0.0.1:{port}",
        neo4j_password="password",
        postgres_dsn=f"postgresql://me:pw@127.0.0.1:{port}/db",
    )
    with pytest.raises(ServerError, match=f"127.0.0.1:{port} does not answer"):
        up(settings)
    assert {found.state for found in status(settings)} == {ServerState.UNREACHABLE}
    assert not any("pw@" in found.address for found in status(settings))


def test_never_started(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home")
    with pytest.raises(ServerError, match="memreward up"):
        addresses(settings)
    down(settings)
    assert {found.state for found in status(settings)} == {ServerState.STOPPED}
    assert not settings.home.exists()


def test_addresses_show_no_password(servers: Addresses) -> None:
    assert servers.neo4j_password not in repr(servers)
    assert "postgresql" not in repr(servers)
