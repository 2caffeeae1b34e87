"""SIGKILL of a database in the middle of an ingest: the writer waits for it, or says so."""

import random
import time
from collections.abc import Callable

import pytest
from faults.clean_run import CleanRun
from faults.workload import Workload, seq_of
from faults.writer import UNREACHABLE, run_workload, start

from memstore.db import retry
from memstore.db.addresses import Addresses
from memstore.db.stores import open_stores
from memstore.outbox.deletion import delete_memory
from memstore.servers.home import Home
from memstore.servers.lifecycle import up
from memstore.servers.neo4j_server import Neo4jServer
from memstore.servers.postgres_server import PostgresServer
from memstore.servers.processes import wait_until_gone
from memstore.settings import Settings
from schema.errors import UnreachableError

pytestmark = pytest.mark.faults
MEMORY = "servers-killed"
WORKLOAD = Workload(batches=16, questions=3)


@pytest.fixture(scope="module")
def clean(fault_addresses: Addresses) -> CleanRun:
    with open_stores(fault_addresses) as stores:
        return CleanRun(stores, MEMORY, WORKLOAD)


@pytest.fixture
def kill(fault_settings: Settings) -> Callable[[str], None]:
    home = Home(root=fault_settings.home)
    neo4j = Neo4jServer(home=home, jars=fault_settings.jars_folder, wanted_port=0)
    postgres = PostgresServer(home=home, wanted_port=0)

    def strike(name: str) -> None:
        process = (neo4j if name == "neo4j" else postgres).process()
        assert process is not None, f"{name} was not running"
        process.kill()
        wait_until_gone(process, 60, name)

    return strike


@pytest.mark.parametrize(("name", "few", "promised"), [("postgres", 2, 50), ("neo4j", 1, 20)])
def test_a_database_is_killed(
    name: str,
    few: int,
    promised: int,
    fault_settings: Settings,
    fault_addresses: Addresses,
    clean: CleanRun,
    kill: Callable[[str], None],
    times: Callable[[int, int], int],
) -> None:
    rng = random.Random(name)
    up(fault_settings)
    struck = survived = 0
    while struck < times(few, promised):
        with open_stores(fault_addresses) as stores:
            delete_memory(stores, MEMORY)
            process = start(run_workload, fault_addresses, MEMORY, WORKLOAD)
            seq = rng.randrange(clean.seq)
            while process.is_alive() and seq_of(stores, MEMORY) < seq:
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.05))
            in_the_middle = process.is_alive()
        kill(name)
        assert up(fault_settings) == fault_addresses, "it must come back where it was"
        process.join()
        assert process.exitcode in (0, UNREACHABLE), process.exitcode
        struck += in_the_middle
        survived += in_the_middle and process.exitcode == 0
        with open_stores(fault_addresses) as stores:
            clean.recover(stores, f"{name} killed after batch {seq}")
    print(f"{name}: {struck} kills, the writer waited it out in {survived}")


def test_a_database_that_stays_away_is_named(
    fault_settings: Settings,
    fault_addresses: Addresses,
    clean: CleanRun,
    kill: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "PATIENCE_S", 1.0)
    up(fault_settings)
    with open_stores(fault_addresses) as stores:
        delete_memory(stores, MEMORY)
        stores.vectors._pool.timeout = 2.0
        kill("postgres")
        with pytest.raises(UnreachableError, match=r"Postgres at 127\.0\.0\.1"):
            WORKLOAD.run(stores, MEMORY)
    up(fault_settings)
    with open_stores(fault_addresses) as stores:
        clean.recover(stores, "Postgres was away")
