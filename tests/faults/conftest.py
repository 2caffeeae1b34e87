"""Servers of the fault tests' own, since they get killed, and how often each fault is made."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.servers.lifecycle import down, up
from memstore.servers.migration import migrate
from memstore.settings import Settings, load_settings

FULL_TIMEOUT_S = 4 * 3600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full-counts", action="store_true", help="make each fault as often as promised"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full-counts", default=False):
        for item in items:
            if item.get_closest_marker("faults"):
                item.add_marker(pytest.mark.timeout(FULL_TIMEOUT_S))


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """times(few, all): `all` with --full-counts, else `few`."""
    full = request.config.getoption("--full-counts", default=False)
    return lambda few, promised: promised if full else few


@pytest.fixture(scope="session")
def fault_settings(_own_environment: None) -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="memreward-faults-"))
    settings = load_settings(home=home)
    try:
        yield settings
    finally:
        down(settings)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def fault_addresses(fault_settings: Settings) -> Addresses:
    addresses = up(fault_settings)
    migrate(addresses)
    return addresses


@pytest.fixture
def fault_stores(fault_settings: Settings, fault_addresses: Addresses) -> Iterator[Stores]:
    up(fault_settings)  # An earlier test may have left one dead.
    with open_stores(fault_addresses) as stores:
        yield stores
