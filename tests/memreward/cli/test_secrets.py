"""Passwords and the token: in no argument of a process, no log, no output, and in no open file."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.cli_fixtures import Cli
from support.serve_process import running

from memstore.db.addresses import Addresses
from memstore.servers.home import Home
from memstore.servers.lifecycle import down, up
from memstore.servers.neo4j_server import Neo4jServer
from memstore.settings import Settings, load_settings

#: What others may see of a home: that there is a lock, and the ports.
SEEN_BY_OTHERS = {".lock", "ports.json"}


@pytest.fixture
def secrets(servers: Addresses, server_settings: Settings) -> list[str]:
    home = Home(root=server_settings.home)
    return [home.password(name) for name in ("neo4j", "postgres", "serve-token")]


@pytest.fixture
def started() -> Iterator[list[str]]:
    """Arguments of every program that this process starts during a test."""
    seen: list[str] = []
    on = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if on and event == "subprocess.Popen":
            seen.append(str(arguments[1]))

    sys.addaudithook(note)  # It cannot be taken away.
    yield seen
    on = False


def test_no_argument_of_a_process_holds_one(
    secrets: list[str], server_settings: Settings, memory_name: str
) -> None:
    with running(memory_name, server_settings) as service:
        words = [
            " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
        ]
        assert any("serve" in line for line in words)
        code, output = service.stop()
    assert code == 0
    for secret in secrets:
        assert not [line for line in words if secret in line]
        assert secret not in output


def test_none_is_an_argument_when_databases_are_set_up(
    servers: Addresses, server_settings: Settings, started: list[str]
) -> None:
    """A first start: `initdb`, `createdb`, and Neo4j's tool for its first password."""
    root = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    root.chmod(0o711)
    settings = load_settings(
        home=root / "home",
        neo4j_uri=servers.neo4j_uri,
        neo4j_password=servers.neo4j_password,
    )
    try:
        up(settings)
        home = Home(root=settings.home)
        neo4j = Neo4jServer(home=home, jars=server_settings.jars_folder, wanted_port=0)
        neo4j._configure(7687)
        neo4j._set_initial_password()
    finally:
        down(settings)
    programs = " ".join(started)
    assert all(name in programs for name in ("initdb", "createdb", "set-initial-password"))
    for name in ("neo4j", "postgres"):
        assert home.read_password(name) not in programs
    assert_shut(home, [home.read_password(name) for name in ("neo4j", "postgres")])


def test_no_file_and_no_output_holds_one(
    cli: Cli, secrets: list[str], server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("up", "status", "doctor", "config show", "status --json", "doctor --json"):
        output = cli(*command.split()).output
        assert not [secret for secret in secrets if secret in output], command
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", "postgresql://u:wrong-secret@127.0.0.1:9/x")
    for command in ("status", "doctor", "config show", "migrate", "stats"):
        assert "wrong-secret" not in cli(*command.split()).output, command
    assert_shut(Home(root=server_settings.home), secrets)


def assert_shut(home: Home, secrets: list[str]) -> None:
    assert home.secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.secrets.iterdir()} == {0o600}
    open_to_others = {path.name for path in home.root.iterdir() if path.stat().st_mode & 0o077}
    assert open_to_others <= SEEN_BY_OTHERS
    for folder, _, files in os.walk(home.root):
        for file in files:
            path = Path(folder, file)
            if home.secrets not in path.parents and path.is_file():
                content = path.read_bytes()
                assert not [s for s in secrets if s.encode() in content], path


def test_doctor_finds_a_settings_file_that_others_can_read(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "memreward.toml"
    file.write_text('postgres_dsn = "postgresql://u:x@127.0.0.1:9/x"\n')
    file.chmod(0o644)
    assert f"run `chmod 600 {file}`" in cli("doctor").output
    file.chmod(0o600)
    assert "no password is open to others" in cli("doctor").output
