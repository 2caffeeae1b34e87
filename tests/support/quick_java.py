"""Neo4j as servers that live for minutes want it: less of Java's work is for the next start.

Java compiles with its first compiler only, and writes no archive of the classes that it loaded. The
database is the same. Half of the tests' processor time was Java's.
"""

from collections.abc import Iterator

import pytest

from memstore.db.addresses import Addresses
from memstore.servers import neo4j_server
from memstore.servers.class_data_sharing import ClassArchive

_RELEASED_OPTIONS = neo4j_server._JVM_OPTIONS
_RELEASED_ARCHIVE = ClassArchive.options


@pytest.fixture(scope="session", autouse=True)
def quick_java() -> Iterator[None]:
    """For every server that this process starts."""
    with pytest.MonkeyPatch.context() as patch:
        options = (*_RELEASED_OPTIONS, "-XX:TieredStopAtLevel=1")
        patch.setattr(neo4j_server, "_JVM_OPTIONS", options)
        patch.setattr(ClassArchive, "options", lambda self: [])
        yield


@pytest.fixture(scope="module")
def released_java(servers: Addresses) -> Iterator[None]:
    """What people have, where starts themselves are tested; the session's servers run already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neo4j_server, "_JVM_OPTIONS", _RELEASED_OPTIONS)
        patch.setattr(ClassArchive, "options", _RELEASED_ARCHIVE)
        yield
