"""Real servers for the whole test session, in a home of their own.

With pytest-xdist each worker has its own, so workers need not know of one another. What they share
is fetched once, under locks: Neo4j's jars.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from memstore.db.addresses import Addresses
from memstore.servers.lifecycle import down, up
from memstore.servers.migration import migrate
from memstore.settings import Settings, load_settings

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile(
    "memreward", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("memreward")

# Nor does the size of the terminal matter: consoles take it when they are imported.
for _size in ("COLUMNS", "LINES"):
    os.environ.pop(_size, None)

#: Fetched once for all test runs; the environment may name another place.
JARS = Path(__file__).parent.parent / ".cache" / "jars"


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """No setting of the person who runs the tests reaches them."""
    with pytest.MonkeyPatch.context() as patch:
        jars = os.environ.get("MEMREWARD_JARS", str(JARS))
        for name in [name for name in os.environ if name.startswith("MEMREWARD_")]:
            patch.delenv(name)
        patch.setenv("MEMREWARD_JARS", jars)
        yield


@pytest.fixture(scope="session")
def server_settings(_own_environment: None) -> Iterator[Settings]:
    """Settings of a fresh home that `nobody` can reach (pytest's own folders it cannot)."""
    home = Path(tempfile.mkdtemp(prefix="memreward-test-"))
    try:
        yield load_settings(home=home)
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def servers(server_settings: Settings) -> Iterator[Addresses]:
    """Both real servers, migrated; stopped at the end of the session."""
    try:
        addresses = up(server_settings)
        migrate(addresses)
        yield addresses
    finally:
        down(server_settings)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by whether it needs real servers: `-m unit` runs without them.

    Tests that start servers of their own say so by `pytestmark`; those of faults all do. Slow tests
    without servers are not among those that one runs often.
    """
    for item in items:
        shared = "server_settings" in getattr(item, "fixturenames", ())
        own = any(item.get_closest_marker(name) for name in ("servers", "faults"))
        if shared or own:
            item.add_marker("servers")
        elif not item.get_closest_marker("slow"):
            item.add_marker("unit")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers share the processors: each computes with one thread."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


pytest_plugins = [
    "support.store_fixtures",
    "support.cli_fixtures",
    "support.full_memory",
    "support.quick_java",
]
