"""New passwords of memreward's own databases; the session's get their old ones back."""

from collections.abc import Iterator

import pytest
from support.cli_fixtures import Cli

from memstore.db.addresses import Addresses
from memstore.db.graph_store import ping_neo4j
from memstore.db.passwords import change_neo4j_password, change_postgres_password
from memstore.db.vector_store import ping_postgres
from memstore.servers import rotation
from memstore.servers.home import Home
from memstore.servers.lifecycle import addresses, status
from memstore.settings import Settings
from schema.errors import ServerError


@pytest.fixture
def home(servers: Addresses, server_settings: Settings) -> Iterator[Home]:
    found = Home(root=server_settings.home)
    before = {name: found.read_password(name) for name in ("neo4j", "postgres")}
    yield found
    now = addresses(server_settings)
    change_neo4j_password(now.neo4j_uri, "neo4j", now.neo4j_password, before["neo4j"])
    change_postgres_password(now.postgres_dsn, "memreward", before["postgres"])
    for name, password in before.items():
        (found.secrets / name).write_text(password)


def assert_secrets_hold(home: Home, settings: Settings) -> None:
    assert {server.state for server in status(settings)} == {"running"}
    assert not list(home.secrets.glob("*-next"))
    assert {path.stat().st_mode & 0o777 for path in home.secrets.iterdir()} == {0o600}


def test_each_has_a_new_one_and_the_old_one_is_refused(
    cli: Cli, home: Home, server_settings: Settings
) -> None:
    token, before = home.password("serve-token"), addresses(server_settings)
    result = cli("rotate-secrets")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "neo4j has a new password",
        "postgres has a new password",
        "memreward serve has a new token: give it to its callers",
    ]
    assert home.read_password("serve-token") != token
    assert_secrets_hold(home, server_settings)
    with pytest.raises(ServerError, match="authentication failed"):
        ping_postgres(before.postgres_dsn)
    with pytest.raises(ServerError, match="refused the login"):
        ping_neo4j(before.neo4j_uri, "neo4j", before.neo4j_password)


@pytest.mark.parametrize("after", ["neo4j", "postgres"])
def test_one_that_was_cut_off_is_finished_by_the_next(
    cli: Cli, home: Home, server_settings: Settings, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """The worst moment: the database has its new password, the file still the old one."""
    take_up = rotation._take_up_next

    def cut_off(home: Home, name: str) -> None:
        if name == after:
            raise KeyboardInterrupt
        take_up(home, name)

    monkeypatch.setattr(rotation, "_take_up_next", cut_off)
    assert cli("rotate-secrets").exit_code == 130
    assert "unreachable" in cli("status").output
    monkeypatch.undo()
    monkeypatch.setenv("MEMREWARD_HOME", str(server_settings.home))
    result = cli("rotate-secrets")
    assert result.exit_code == 0, result.output
    assert_secrets_hold(home, server_settings)
