"""`memreward serve` and its databases are killed while 20 callers write.

Each request is answered, or refused as docs/operating.md says; who asks again until it is answered
stores everything once.
"""

import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from json import dumps
from typing import Any

import pytest
import requests
from support.cli_fixtures import as_row
from support.rollout_factory import make_rollout
from support.serve_process import RUN, Running, running

from memstore.consistency.check import check_memory
from memstore.db.stores import Stores, get_memory
from memstore.outbox.deletion import delete_memory
from memstore.servers.home import Home
from memstore.servers.lifecycle import up
from memstore.servers.neo4j_server import Neo4jServer
from memstore.servers.postgres_server import PostgresServer
from memstore.servers.processes import wait_until_gone
from memstore.settings import Settings
from schema.ids import rollout_id

pytestmark = pytest.mark.faults
MEMORY = "served-and-killed"
CALLERS = 20
#: What is killed, in turn; a service is started again at its port.
STRIKES = ("postgres", "neo4j", signal.SIGKILL, signal.SIGTERM)
#: Requests that are answered between two strikes.
BETWEEN = 40
STORED = """
    MATCH (:Run {memory: $memory, id: $run})-[:PRODUCED]->(a:Answer)
    RETURN a.id AS id, count(*) AS n
"""


@dataclass
class Load:
    """What callers sent, and what became of it."""

    service: Running
    over: threading.Event = field(default_factory=threading.Event)
    ids: list[str] = field(default_factory=list)
    #: Status of each answer; 0: none came.
    statuses: Counter[int] = field(default_factory=Counter)
    refusals: set[str] = field(default_factory=set)

    def call(self, caller: int) -> None:
        """Send new groups until it is over, each until it is answered."""
        dice = random.Random(caller)
        number = 0
        while not self.over.is_set():
            number += 1
            question = 10_000 * (caller + 1) + number
            places = dice.choice([1, 2, 4, 8])
            group = [make_rollout(question, place, reward=None) for place in range(places)]
            rows: list[dict[str, Any]] = [as_row(rollout) for rollout in group]
            expected = [
                rollout_id(MEMORY, RUN, rollout.source_query_id, rollout.step, rollout.place)
                for rollout in group
            ]
            if dice.random() < 0.2:
                self.leave(rows)
            while (answer := self.ask(rows)) is None:
                time.sleep(0.1)
            assert [score["rollout_id"] for score in answer["scores"]] == expected
            self.ids += expected

    def ask(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The answer; None: to be asked again."""
        service = self.service
        try:
            answer = requests.post(
                f"{service.url}/v1/score",
                json={"rollouts": rows},
                headers=service.headers,
                timeout=200,
            )
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            self.statuses[0] += 1  # Not accepted, or killed between head and body of its answer.
            return None
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            return answer.json()
        self.refusals.add(f"{answer.status_code} {answer.json()['detail'][:200]}")
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        return None

    def leave(self, rows: list[dict[str, Any]]) -> None:
        """Send the request, and hang up before it is answered."""
        body = dumps({"rollouts": rows}).encode()
        head = (
            f"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.service.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            with socket.create_connection(("127.0.0.1", self.service.port), timeout=20) as sent:
                sent.sendall(head.encode() + body)
        except OSError:
            self.statuses[0] += 1

    def wait_for_answers(self, count: int) -> None:
        until = time.monotonic() + 240
        wanted = self.statuses[200] + count
        while self.statuses[200] < wanted:
            assert time.monotonic() < until, (self.statuses, self.refusals)
            time.sleep(0.01)


def kill(name: str, settings: Settings) -> None:
    """SIGKILL of a database; it is started again."""
    home = Home(root=settings.home)
    neo4j = Neo4jServer(home=home, jars=settings.jars_folder, wanted_port=0)
    server = neo4j if name == "neo4j" else PostgresServer(home=home, wanted_port=0)
    process = server.process()
    assert process is not None
    process.kill()
    wait_until_gone(process, 60, name)
    up(settings)


@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled(
    fault_settings: Settings, fault_stores: Stores, times: Callable[[int, int], int]
) -> None:
    delete_memory(fault_stores, MEMORY)
    with ExitStack() as services, ThreadPoolExecutor(CALLERS) as pool:
        load = Load(services.enter_context(running(MEMORY, fault_settings)))
        services.callback(load.over.set)
        callers = [pool.submit(load.call, number) for number in range(CALLERS)]
        for strike in STRIKES[:3] if times(1, 10) == 1 else STRIKES * 10:
            load.wait_for_answers(BETWEEN)
            if isinstance(strike, str):
                kill(strike, fault_settings)
            else:
                service = load.service
                service.process.send_signal(strike)
                output, _ = service.process.communicate(timeout=120)
                assert strike == signal.SIGKILL or service.process.returncode == 0, output
                again = running(MEMORY, fault_settings, port=service.port)
                load.service = services.enter_context(again)
            print(strike, dict(load.statuses))
        load.wait_for_answers(BETWEEN)
        load.over.set()
        for caller in callers:
            caller.result(240)
        assert load.service.stop()[0] == 0
    print(load.statuses, load.refusals)
    assert load.statuses[0] > 0, "no request met a service that was gone"
    state = get_memory(fault_stores, MEMORY)
    assert state.seq == state.published_seq
    stored = fault_stores.graph.query(STORED, {"memory": MEMORY, "run": RUN}, 60.0).rows
    assert {str(row["id"]): row["n"] for row in stored} == dict.fromkeys(load.ids, 1)
    report = check_memory(fault_stores, MEMORY)
    assert report.ok, report.lines()
