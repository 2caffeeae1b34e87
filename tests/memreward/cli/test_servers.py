"""The commands about servers, as a person types them."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from memreward.cli.main import app
from memstore.db.addresses import Addresses
from memstore.settings import Settings


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def yours(servers: Addresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """The session's servers, given by their addresses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEMREWARD_NEO4J_URI", servers.neo4j_uri)
    monkeypatch.setenv("MEMREWARD_NEO4J_PASSWORD", servers.neo4j_password)
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", servers.postgres_dsn)
    return servers


@pytest.fixture
def ours(
    servers: Addresses,
    server_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """The session's servers, found by their home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(server_settings.home))
    return server_settings


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing was ever started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_up_is_idempotent(ours: Settings, servers: Addresses) -> None:
    result = run("up")
    assert result.exit_code == 0, result.output
    assert servers.neo4j_uri in result.output
    assert servers.neo4j_password not in result.output
    assert servers.postgres_dsn not in result.output
    assert "applied" not in result.output


def test_up_and_down_with_yours(yours: Addresses, tmp_path: Path) -> None:
    result = run("up")
    assert result.exit_code == 0, result.output
    assert run("down").exit_code == 0
    assert run("status").exit_code == 0
    assert not (tmp_path / "home").exists()


def test_status_of_ours(ours: Settings) -> None:
    result = run("status")
    assert result.exit_code == 0
    assert result.output.count("(memreward's own): running, ") == 2


def test_status_when_stopped(nothing: Path) -> None:
    result = run("status")
    assert result.exit_code == 1
    assert result.output.count(": stopped, ") == 2
    assert not nothing.exists()


def test_doctor_is_content(ours: Settings) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "wrong" not in result.output
    for name in ("memory", "encoder", "home", "jars", "java", "pgvector", "migrations"):
        assert name in result.output


def test_doctor_says_what_to_do(nothing: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "-> run `memreward up`" in result.output
    assert "Traceback" not in result.output
    assert not nothing.exists()


def test_doctor_names_a_wrong_password(yours: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMREWARD_NEO4J_PASSWORD", "not-the-password")
    result = run("doctor")
    assert result.exit_code == 1
    assert "check MEMREWARD_NEO4J_USER and MEMREWARD_NEO4J_PASSWORD" in result.output
    assert "not-the-password" not in result.output


def test_migrate_has_nothing_to_do(ours: Settings) -> None:
    for arguments in (["migrate"], ["migrate", "--dry-run"]):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "nothing to apply" in result.output


def test_config_show_hides_secrets(yours: Addresses) -> None:
    result = run("config", "show")
    assert result.exit_code == 0
    assert yours.neo4j_password not in result.output
    assert yours.postgres_dsn not in result.output
    uri = f"neo4j_uri = {yours.neo4j_uri}  (environment, MEMREWARD_NEO4J_URI)"
    assert uri in result.output
    assert result.output.count("********") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["migrate"], "there is no Neo4j in"),
        (
            ["up", "--neo4j-port", "5000", "--postgres-port", "5000"],
            "neo4j_port and postgres_port are both 5000",
        ),
    ],
)
def test_a_refusal_is_a_message(nothing: Path, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert f"error: {message}" in result.output


def test_passwords_are_for_the_owner_only(ours: Settings) -> None:
    for name in ("neo4j", "postgres"):
        mode = (ours.home / "secrets" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
