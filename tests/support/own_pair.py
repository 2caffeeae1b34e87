"""A whole pair of databases beside the session's, which a test may kill."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memstore.db.addresses import Addresses
from memstore.servers.home import Home
from memstore.servers.lifecycle import down, own_servers, up
from memstore.servers.migration import migrate
from memstore.servers.processes import wait_until_gone
from memstore.settings import PairSettings, Settings, load_settings


@dataclass(frozen=True)
class OwnPair:
    """A Neo4j and a Postgres in a home of their own."""

    settings: Settings
    addresses: Addresses

    def kill(self, name: str) -> None:
        """End `neo4j` or `postgres` at once, by SIGKILL."""
        neo4j, postgres = own_servers(self.settings)
        server = neo4j if name == "neo4j" else postgres
        assert server is not None
        process = server.process()
        assert process is not None, f"{name} was not running"
        process.kill()
        wait_until_gone(process, 60, name)

    def start(self) -> None:
        """Both again, where they were."""
        assert up(self.settings) == self.addresses

    def lose_neo4j(self) -> None:
        """Neo4j as after the loss of its disk: empty."""
        neo4j, _ = own_servers(self.settings)
        assert neo4j is not None
        with Home(root=self.settings.home).lock():
            neo4j.set_aside()
        self.start()

    def named(self) -> PairSettings:
        """As other settings name it."""
        return PairSettings.model_validate(
            {
                "neo4j_uri": self.addresses.neo4j_uri,
                "neo4j_password": self.addresses.neo4j_password,
                "postgres_dsn": self.addresses.postgres_dsn,
            }
        )


@contextmanager
def own_pair() -> Iterator[OwnPair]:
    """One that runs and is migrated, gone when the block ends."""
    home = Path(tempfile.mkdtemp(prefix="memreward-pair-"))
    settings = load_settings(home=home)
    try:
        addresses = up(settings)
        migrate(addresses)
        yield OwnPair(settings, addresses)
    finally:
        down(settings)
        shutil.rmtree(home)
