"""The pages while a database is gone and after it came back, without a restart of the pages."""

import time
from collections.abc import Iterator

import pytest
import requests
from support.look import Pages, looking
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.reads.history import read_history
from memstore.servers.home import Home
from memstore.servers.lifecycle import up
from memstore.servers.neo4j_server import Neo4jServer
from memstore.servers.postgres_server import PostgresServer
from memstore.servers.processes import wait_until_gone
from memstore.settings import Settings
from schema.ids import rollout_id

pytestmark = pytest.mark.faults
MEMORY = "look-restarted"


@pytest.fixture
def pages(fault_stores: Stores, fault_settings: Settings) -> Iterator[Pages]:
    delete_memory(fault_stores, MEMORY)
    MemoryUnderTest(fault_stores, MEMORY).add(make_rollouts(4))
    with looking(fault_stores, settings=fault_settings) as served:
        yield served


def kill(server: Neo4jServer | PostgresServer) -> None:
    process = server.process()
    assert process is not None
    process.kill()
    wait_until_gone(process, 60, "the database")


def tried_again(pages: Pages, path: str) -> str:
    """A page that opens itself again until it is there."""
    until = time.monotonic() + 240
    while (answer := pages.get(path, memory=MEMORY)).status_code == 503:
        assert 'http-equiv="refresh"' in answer.text and time.monotonic() < until
        time.sleep(0.5)
    assert answer.status_code == 200, answer.text
    return answer.text


def judge(pages: Pages, judgement: str) -> requests.Response:
    rollout = rollout_id(MEMORY, "run-1", "sum-1", 0, 0)
    form = {"memory": MEMORY, "annotator": "ann", "rollout": rollout, "judgement": judgement}
    headers = {"Origin": pages.url}
    return pages.session.post(pages.url + "/label", data=form, headers=headers, timeout=240)


def test_postgres_comes_back(pages: Pages, fault_stores: Stores, fault_settings: Settings) -> None:
    kill(PostgresServer(home=Home(root=fault_settings.home), wanted_port=0))
    for path in ("/", "/runs", "/groups", "/label"):
        answer = pages.get(path, memory=MEMORY)
        assert answer.status_code == 503, path
        assert 'http-equiv="refresh"' in answer.text and "does not answer" in answer.text
    assert pages.get("/seq", memory=MEMORY).status_code == 503
    up(fault_settings)
    assert "What is 3 + 3?" in tried_again(pages, "/groups")
    assert judge(pages, "right").status_code == 200
    rollout = rollout_id(MEMORY, "run-1", "sum-1", 0, 0)
    said = [item.who for item in read_history(fault_stores, MEMORY, rollout).statements]
    assert said.count("ann") == 1


def test_neo4j_comes_back(pages: Pages, fault_settings: Settings) -> None:
    home = Home(root=fault_settings.home)
    kill(Neo4jServer(home=home, jars=fault_settings.jars_folder, wanted_port=0))
    asked = {"memory": MEMORY, "cypher": "RETURN 7 * 191 AS n"}
    answer = pages.get("/ask", **asked)
    assert answer.status_code == 503 and 'http-equiv="refresh"' in answer.text
    assert "What is 3 + 3?" in pages.text("/groups", memory=MEMORY)  # It needs Postgres alone.
    up(fault_settings)
    assert "<bdi>1337</bdi>" in pages.text("/ask", **asked)
