"""Callers that are slow, many, huge or gone: each is answered or refused."""

import gc
import json
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from support.serving import TOKEN, ServedFake, Service, serving

from memreward.serving.middleware import Guard, Message

BODY = json.dumps({"rollouts": [{"query": "What?", "answer": "4"}]}).encode()
HEAD = (
    b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
    b"Content-Type: application/json\r\n" % TOKEN.encode()
)


async def _served(scope: Message, receive: Any, send: Any) -> None:
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def _through(guard: Guard, messages: list[Message]) -> int:
    """Status of a request whose body comes in these messages, and then no more."""
    import asyncio

    said: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        said.append(message)

    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    scope = {"type": "http", "path": "/v1/score", "headers": headers}
    await guard(scope, receive, send)
    return said[0]["status"]


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b"a"], 408),  # More is announced and never comes.
        ([], 408),
        ([b"a" * 600, b"b" * 600], 413),
        ([b"a", b""], 408),
    ],
)
def test_a_body_that_does_not_end_is_refused_in_time(parts: list[bytes], status: int) -> None:
    import asyncio

    guard = Guard(_served, token=TOKEN, max_body=1000, seconds=0.2)
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": True} for part in parts
    ]
    assert asyncio.run(_through(guard, messages)) == status


def _sent(service: Service, raw: bytes, *, wait: bool) -> int | None:
    """Send bytes as they are; the status of the answer, if it is waited for and comes."""
    where = urlsplit(service.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(raw)
        if not wait:
            return None
        line = connection.makefile("rb").readline()
        return int(line.split()[1]) if line else None


def test_bytes_that_are_no_request_do_no_harm() -> None:
    rng = random.Random(3)
    memory = ServedFake()
    whole = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    with serving(memory) as service:
        for _ in range(60):
            cut = bytearray(whole[: rng.randrange(1, len(whole))])
            cut[rng.randrange(len(cut))] = rng.randrange(256)
            _sent(service, bytes(cut), wait=False)
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        for chunk in (
            b"zz\r\n",
            b"-1\r\nx\r\n",
            b"fffffffffffffffff\r\nx",
            b"5\r\nab\r\n0\r\n\r\n",
        ):
            _sent(service, chunked + chunk, wait=False)
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
        assert _sent(service, chunked + pieces, wait=True) == 200
        assert service.get("/ready").json()["ok"]
    assert all(rollout.answer == "4" for rollout in memory.stored.values())


def test_200_callers_are_answered_or_refused_and_nothing_is_doubled() -> None:
    memory = ServedFake()
    with serving(memory, limit=64) as service:
        memory.gate.clear()  # So that at most 64 are being scored, 64 wait, and others are refused.

        def call(number: int) -> tuple[int, int]:
            row = {"query": f"Q{number}?", "query_id": str(number), "rollout": 0, "answer": "4"}
            status = service.score(row).status_code
            if status == 503:
                memory.gate.set()
            return number, status

        with ThreadPoolExecutor(200) as pool:
            statuses = dict(pool.map(call, range(200)))
        # Those that were refused come again, as clients do; the others, too: nothing is doubled.
        with ThreadPoolExecutor(8) as pool:
            again = dict(pool.map(call, range(200)))
    counts = Counter(statuses.values())
    assert set(counts) <= {200, 503} and counts[200] and counts[503], counts
    assert set(again.values()) == {200}
    assert len(memory.stored) == 200


@pytest.mark.slow
def test_memory_is_bounded_over_2000_requests() -> None:
    memory = ServedFake()
    process = psutil.Process()
    body = {
        "rollouts": [{"query": "What? " + "x" * 20_000, "answer": "4" * 20_000}],
        "train": False,
    }
    with serving(memory) as service:

        def call(_: int) -> int:
            return service.post("/v1/score", body).status_code

        def rss_after(count: int) -> int:
            with ThreadPoolExecutor(4) as pool:
                assert set(pool.map(call, range(count))) == {200}
            memory.calls.clear()
            gc.collect()
            return process.memory_info().rss

        first = rss_after(300)
        grown = rss_after(1_700) - first
    # 1,700 bodies of 40 kB are 68 MB.
    assert grown < 24 << 20, grown
