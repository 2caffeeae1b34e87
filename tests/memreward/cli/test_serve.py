"""`memreward serve` as a process of its own, over the real databases, under many callers."""

import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from support.cli_fixtures import Cli, as_row
from support.rollout_factory import make_rollout, make_rollouts
from support.serve_process import Running, running
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.client.http import HttpClient
from memreward.memory import Memory
from memstore.db.stores import get_memory
from memstore.settings import Settings
from schema.errors import UnreachableError
from schema.ids import rollout_id
from schema.rollout import Rollout
from schema.score import Score, ScoreSource

SERVED = "MATCH (:Run {memory: $memory, id: 'served'})-[:PRODUCED]->(a:Answer) RETURN a.id AS id"


@dataclass
class Load:
    """What callers sent, and what became of it."""

    service: Running
    scored: list[tuple[Rollout, Score]] = field(default_factory=list)
    left: list[list[Rollout]] = field(default_factory=list)
    refused: int = 0
    full: int = 0

    def send(self, caller: int, requests_: int) -> None:
        """One caller: groups of new queries of several sizes, malformed ones, some given up."""
        dice = random.Random(caller)
        client = HttpClient(self.service.url, self.service.token, busy_seconds=60)
        for number in range(requests_):
            group = fresh(1000 * (caller + 1) + number, dice.choice([1, 2, 4, 8, 24]))
            kind = dice.random()
            if kind < 0.15:
                self.refused += self.malformed(group)
            elif kind < 0.3:
                self.left.append(group)
                self.leave(group)
            else:
                scores = client.score([as_row(rollout) for rollout in group], train=True)
                self.scored.extend(zip(group, scores, strict=True))

    def send_one(self, group: list[Rollout]) -> bool:
        """Whether it was answered, by a service that may be gone."""
        client = HttpClient(self.service.url, self.service.token, busy_seconds=0)
        try:
            scores = client.score([as_row(rollout) for rollout in group], train=True)
        except UnreachableError:
            return False
        self.scored.extend(zip(group, scores, strict=True))
        return True

    def malformed(self, group: list[Rollout]) -> bool:
        rows: Any = [as_row(rollout) for rollout in group]
        rows[-1]["answer"] = "a\0b"
        answer = requests.post(
            f"{self.service.url}/v1/score",
            json={"rollouts": rows},
            headers={"Authorization": f"Bearer {self.service.token}"},
            timeout=60,
        )
        assert answer.status_code == 422 and "NUL" in answer.json()["detail"]
        return True

    def leave(self, group: list[Rollout]) -> None:
        """Send a request and hang up."""
        body = json.dumps({"rollouts": [as_row(rollout) for rollout in group]}).encode()
        where = urlsplit(self.service.url)
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.sendall(
                b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (self.service.token.encode(), len(body), body)
            )


def fresh(question: int, places: int) -> list[Rollout]:
    return [make_rollout(question, place, reward=None) for place in range(places)]


def id_of(memory: str, rollout: Rollout) -> str:
    return rollout_id(memory, "served", rollout.source_query_id, rollout.step, rollout.place)


@pytest.mark.parametrize(
    ("callers", "requests_"), [(4, 5), pytest.param(16, 40, marks=pytest.mark.slow)]
)
def test_many_callers_and_a_stop_among_them(
    trained: MemoryUnderTest, server_settings: Settings, callers: int, requests_: int
) -> None:
    with running(trained.name, server_settings) as service:
        assert "(new" not in service.said
        assert requests.get(f"{service.url}/ready", timeout=60).json()["ok"]
        load = Load(service)
        with ThreadPoolExecutor(callers) as pool:
            for done in [pool.submit(load.send, n, requests_) for n in range(callers)]:
                done.result(300)
        with ThreadPoolExecutor(8) as pool:
            last = [pool.submit(load.send_one, fresh(900_000 + n, 8)) for n in range(80)]
            assert last[3].result(300)
            code, output = service.stop()
            answered = [future.result(300) for future in last]
    assert code == 0, output
    assert "answered and published" in output
    assert load.scored and load.refused and load.left
    assert set(answered) == {True, False}  # Some came before the stop, some after.
    state = get_memory(trained.stores, trained.name)
    assert state.seq == state.published_seq

    stored = {str(row["id"]) for row in trained.ask(SERVED)}
    ids = [id_of(trained.name, rollout) for rollout, _ in load.scored]
    assert [score.rollout_id for _, score in load.scored] == ids
    assert set(ids) <= stored
    for group in load.left:  # Whole, or refused whole by a full queue.
        assert len({id_of(trained.name, rollout) for rollout in group} & stored) in (0, len(group))
    left = {id_of(trained.name, rollout) for group in load.left for rollout in group}
    assert stored <= {*ids, *left}
    with Memory(trained.stores, server_settings, trained.name, "served") as direct:
        again = direct.score([rollout for rollout, _ in load.scored], store=False)
    assert [score.value for _, score in load.scored] == pytest.approx(
        [score.value for score in again], abs=1e-5
    )


def test_a_memory_that_is_new_takes_everything_and_learns(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    with running(memory.name, server_settings, "--no-prior") as service:
        assert f"memory {memory.name} (new: it begins with" in service.said
        client = HttpClient(service.url, service.token)
        assert requests.get(f"{service.url}/ready", timeout=60).json()["ok"]
        for rollouts, source in (
            (make_rollouts(16, 4), ScoreSource.VERIFIED),
            (fresh(50, 4), ScoreSource.NONE),
        ):
            scores = client.score([as_row(rollout) for rollout in rollouts], train=True)
            assert {score.source for score in scores} == {source}
        client.flush()
        register(memory, server_settings, small_model())
        requests.post(
            f"{service.url}/v1/refresh",
            headers={"Authorization": f"Bearer {service.token}"},
            timeout=60,
        ).raise_for_status()
        scores = client.score([as_row(rollout) for rollout in fresh(50, 4)], train=True)
        assert {score.source for score in scores} == {ScoreSource.PROPAGATED}
        assert service.stop()[0] == 0


def test_what_cannot_be_served_is_refused(cli: Cli, memory_name: str, tmp_path: Path) -> None:
    def refused(*options: Any, port: int = 0) -> str:
        result = cli("serve", "-m", memory_name, "--port", port, *options)
        assert result.exit_code == 2, result.output
        return result.output

    token = tmp_path / "token"
    assert "cannot be read" in refused("--token-file", token)
    token.write_text("short")
    token.chmod(0o600)
    assert "16 plain characters" in refused("--token-file", token)
    token.write_text("x" * 32)
    token.chmod(0o644)
    assert "chmod 600" in refused("--token-file", token)
    assert "cannot listen" in refused("--host", "203.0.113.7")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "Choose another --port" in refused(port=taken.getsockname()[1])


@pytest.mark.slow
def test_memory_of_the_process_is_bounded_over_2000_requests(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    """Requests that are only scored, and such that repeat what is stored: nothing new is held."""
    groups = [[as_row(rollout) for rollout in fresh(number, 4)] for number in range(50)]
    with running(memory.name, server_settings) as service:
        client = HttpClient(service.url, service.token, busy_seconds=60)
        process = psutil.Process(service.process.pid)

        def rss_after(count: int) -> int:
            with ThreadPoolExecutor(4) as pool:
                for number, scores in enumerate(
                    pool.map(lambda n: client.score(groups[n % 50], train=n % 2 == 0), range(count))
                ):
                    assert len(scores) == 4, number
            return process.memory_info().rss

        first, last = rss_after(500), rss_after(1_500)
        assert service.stop()[0] == 0
    print(f"{first / 2**20:.0f} MiB after 500 requests, {last / 2**20:.0f} after 2,000")
    assert last - first < 64 << 20
