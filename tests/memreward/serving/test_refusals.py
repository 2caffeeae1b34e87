"""The table of docs/operating.md says what the service answers when it refuses."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from support.serving import TOKEN, ServedFake, Service, serving

from memreward.serving import app
from memreward.serving.app import create_app
from schema.errors import (
    EncoderMismatchError,
    MemrewardError,
    QuarantineError,
    StoreFullError,
    UnreachableError,
)

PAGE = Path(__file__).parents[3] / "docs" / "operating.md"
MAX_BODY = 100_000
ROW = {"query": "What?", "answer": "4"}
#: What scoring raises, by what the table says that the answer has.
RAISED: Mapping[str, MemrewardError] = {
    "refresh": EncoderMismatchError("another encoder: call `refresh`"),
    "no space left": StoreFullError("Postgres has no space left: free some"),
    "quarantine": QuarantineError("batch 7 is in quarantine: run `memreward repair`"),
    "memreward up": UnreachableError("Postgres is gone: start it with `memreward up`"),
}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A row of the table."""

    status: int
    retry_after: str | None
    detail: str


def table() -> list[Refusal]:
    text = PAGE.read_text(encoding="utf-8").partition("## What the service answers")[2]
    found: list[Refusal] = []
    for line in text.partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].isdigit():
            found.append(
                Refusal(
                    status=int(cells[0]), retry_after=cells[1] or None, detail=cells[2].strip("`")
                )
            )
    return found


@pytest.fixture
def memory() -> ServedFake:
    return ServedFake()


@pytest.fixture
def service(memory: ServedFake) -> Iterator[Service]:
    with serving(memory, limit=2, max_body=MAX_BODY) as running:
        yield running


def provoked(detail: str, service: Service, memory: ServedFake) -> requests.Response:
    """The answer to a request that is refused for this reason."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    match detail:
        case "parsing the body":
            return service.post("/v1/score", None, data=b"[" * MAX_BODY)
        case "JSON decode error":
            return service.post("/v1/score", None, data=b"\xff\xfe")
        case "token is missing or wrong":
            return service.post("/v1/score", {}, headers={})
        case "Not Found":
            return service.post("/v1/nothing", {})
        case "Method Not Allowed":
            return requests.get(f"{service.url}/v1/score", headers=headers, timeout=60)
        case "did not arrive within":
            return service.post("/v1/score", None, data=slow_body())
        case "larger than":
            return service.post("/v1/score", None, data=b" " * (MAX_BODY + 1))
        case "rollout 1 of 2":
            return service.score(ROW, ROW | {"answer": "a\0b"})
        case "start the service again":
            memory.error = ZeroDivisionError("a fault")
        case "is stopping":
            service.queue.close()
        case "are waiting, at most":
            return when_full(service, memory)
        case _:
            memory.error = RAISED[detail]
    return service.score(ROW)


def slow_body() -> Iterator[bytes]:
    yield b" "
    time.sleep(1)
    yield b" "


def when_full(service: Service, memory: ServedFake) -> requests.Response:
    memory.gate.clear()
    callers = [threading.Thread(target=service.score, args=(ROW, ROW)) for _ in range(2)]
    callers[0].start()
    assert memory.begun.wait(60)
    callers[1].start()
    while service.queue.waiting < 2:
        time.sleep(0.01)
    answer = service.score(ROW)
    memory.gate.set()
    for caller in callers:
        caller.join()
    return answer


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("refusal", table(), ids=lambda refusal: refusal.detail)
def test_each_answer_is_as_the_table_says(refusal: Refusal, memory: ServedFake) -> None:
    with serving(memory, limit=2, max_body=MAX_BODY, body_seconds=0.3) as service:
        answer = provoked(refusal.detail, service, memory)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (
        refusal.status,
        refusal.retry_after,
    ), answer.text
    assert refusal.detail in answer.json()["detail"]
    assert not memory.stored or refusal.detail == "are waiting, at most"


def test_the_table_is_complete(service: Service) -> None:
    """Every status of the code is in it, and in the OpenAPI document."""
    assert {refusal.status for refusal in table()} == {400, 404, 405, 408, *app._REFUSALS}
    assert set(RAISED) < {refusal.detail for refusal in table()}
    document = create_app(ServedFake(), service.queue, TOKEN).openapi()
    assert {int(status) for status in document["paths"]["/v1/score"]["post"]["responses"]} == {
        200,
        *app._REFUSALS,
    }
