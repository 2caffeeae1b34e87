"""docker-compose.yml says what the code says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from memstore.servers import neo4j_settings, postgres_server
from memstore.servers.host_memory import MIB
from memstore.servers.neo4j_jars import NEO4J_VERSION

MACHINE = 24 * 1024 * MIB
#: What a container has of its own: it listens inside, and Docker keeps its log.
NOT_IN_A_CONTAINER = {"listen_addresses", "unix_socket_directories"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    file = Path(__file__).parent.parent / "docker-compose.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))["services"]


def docker_name(setting: str) -> str:
    return "NEO4J_" + setting.replace("_", "__").replace(".", "_")


def test_neo4j_settings_are_those_of_the_code(services: dict[str, Any]) -> None:
    expected = {
        **neo4j_settings.SECURITY_SETTINGS,
        **neo4j_settings.SIZE_SETTINGS,
        **neo4j_settings.memory_settings(MACHINE),
    }
    given = dict(services["neo4j"]["environment"])
    assert "${NEO4J_PASSWORD:?" in given.pop("NEO4J_AUTH")
    assert given == {docker_name(name): value for name, value in expected.items()}


def test_postgres_settings_are_those_of_the_code(services: dict[str, Any]) -> None:
    expected = {
        name: value
        for name, value in postgres_server.FIXED_SETTINGS.items()
        if name not in NOT_IN_A_CONTAINER and not name.startswith("log")
    }
    expected |= postgres_server.CHECKPOINT_SETTINGS | postgres_server.memory_settings(MACHINE)
    words = services["postgres"]["command"]
    assert words[0] == "postgres"
    assert set(words[1::2]) == {"-c"}
    assert dict(word.split("=") for word in words[2::2]) == expected


def test_postgres_is_initialised_alike(services: dict[str, Any]) -> None:
    given = services["postgres"]["environment"]
    assert given["POSTGRES_INITDB_ARGS"].split() == list(postgres_server.INITDB_OPTIONS)
    assert given["POSTGRES_USER"] == postgres_server.USER
    assert given["POSTGRES_DB"] == postgres_server.DATABASE
    assert "${POSTGRES_PASSWORD:?" in given["POSTGRES_PASSWORD"]


def test_versions_loopback_health_and_volumes(services: dict[str, Any]) -> None:
    assert services["neo4j"]["image"] == f"neo4j:{NEO4J_VERSION}-community"
    assert services["postgres"]["image"].endswith(":pg18")
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["healthcheck"]["test"][0] == "CMD-SHELL"
        assert service["volumes"]
        assert all(not volume.startswith((".", "/")) for volume in service["volumes"])
