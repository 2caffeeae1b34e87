"""The connection is cut around COMMIT: the writer settles it, nobody sees an error or a double."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from faults.clean_run import CleanRun
from faults.dump import assert_equal, dump
from faults.proxy import COMMIT, Cut, Proxy
from faults.workload import Workload

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.outbox.deletion import delete_memory

pytestmark = pytest.mark.faults
MEMORY = "cut"
WORKLOAD = Workload()


@pytest.fixture(scope="module")
def clean(fault_addresses: Addresses) -> CleanRun:
    with open_stores(fault_addresses) as stores:
        return CleanRun(stores, MEMORY, WORKLOAD)


@pytest.fixture(params=["postgres", "neo4j"])
def proxied(
    request: pytest.FixtureRequest, fault_stores: Stores, fault_addresses: Addresses
) -> Iterator[tuple[Proxy, Addresses]]:
    """The addresses, with one of the servers behind a proxy."""
    name = request.param
    whole = fault_addresses.postgres_dsn if name == "postgres" else fault_addresses.neo4j_uri
    parts = urlsplit(whole)
    assert parts.hostname is not None and parts.port is not None
    proxy = Proxy(parts.hostname, parts.port, COMMIT[name])
    changed = whole.replace(f":{parts.port}", f":{proxy.own_port}")
    field = "postgres_dsn" if name == "postgres" else "neo4j_uri"
    yield proxy, replace(fault_addresses, **{field: changed})
    proxy.close()


def test_cuts_around_commits(
    proxied: tuple[Proxy, Addresses],
    fault_stores: Stores,
    clean: CleanRun,
    times: Callable[[int, int], int],
) -> None:
    proxy, addresses = proxied
    with open_stores(addresses) as stores:
        for _ in range(2):  # A first run takes more: tables without statistics are analysed.
            delete_memory(stores, MEMORY)
            proxy.arm(0, Cut.AFTER)
            WORKLOAD.run(stores, MEMORY)
        commits = proxy.seen
        assert commits > len(list(WORKLOAD.steps())), "the proxy sees the commits"
        rng = random.Random(3)
        for number in range(times(6, 50)):
            delete_memory(stores, MEMORY)
            cut = list(Cut)[number % 3]
            nth = rng.randint(1, commits)
            proxy.arm(nth, cut)
            WORKLOAD.run(stores, MEMORY)
            assert proxy.cuts == 1
            found = dump(fault_stores, MEMORY)
            assert_equal(found, clean.after[clean.seq], f"commit {nth} of {commits}: {cut}")
