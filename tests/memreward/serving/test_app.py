"""`memreward serve` over HTTP, on a memory of a few lines."""

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support.cli_fixtures import as_row
from support.rollout_factory import make_rollout
from support.serving import TOKEN, Served, ServedFake, Service, serving

from memreward.serving.learning import LearningScorer
from schema.errors import (
    CheckpointError,
    EncoderMismatchError,
    InputError,
    MemrewardError,
    StoreFullError,
    UnreachableError,
)
from schema.rollout import Rollout


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ServedFake, Service]]:
    memory = ServedFake(opinion)
    with serving(memory) as service:
        yield memory, service


def opinion(rollout: Rollout) -> float | None:
    return None if "odd" in rollout.query else len(rollout.answer) / 100


@pytest.fixture
def service(running: tuple[ServedFake, Service]) -> Service:
    memory, service = running
    memory.reset()
    return service


@pytest.fixture
def memory(running: tuple[ServedFake, Service]) -> ServedFake:
    memory, _ = running
    memory.reset()
    return memory


def row(query: str = "What?", answer: str = "four", **fields: Any) -> dict[str, Any]:
    return {"query": query, "answer": answer, **fields}


def test_rollouts_are_scored_in_order(service: Service, memory: ServedFake) -> None:
    answer = service.score(
        row(answer="four", rollout=0, reward=0.5),
        row(answer="seven", rollout=1),
        row("An odd one", rollout=2),
        row("Bits", answer="", completion="So <think>ten</think>11"),
    )
    assert answer.status_code == 422  # Both an answer, blank, and a completion.
    answer = service.score(
        row(answer="four", rollout=0, reward=0.5),
        row(answer="seven", rollout=1),
        row("An odd one", rollout=2),
        {"query": "Bits", "completion": "<think>ten</think>11"},
    )
    assert answer.status_code == 200, answer.text
    scores = answer.json()["scores"]
    assert [score["value"] for score in scores] == [0.5, 0.05, None, 0.02]
    assert [s["source"] for s in scores] == ["verified", "propagated", "none", "propagated"]
    assert [s["abstained"] is None for s in scores] == [True, True, False, True]
    assert scores[0]["model"] is None or scores[0]["confidence"] == 1.0
    assert {r.answer for r in memory.stored.values()} == {"four", "seven", "11"}
    assert [r.thinking for r in memory.stored.values()] == ["", "", "", "ten"]


def test_a_whole_row_of_the_input_format_is_taken(service: Service, memory: ServedFake) -> None:
    rollout = make_rollout(3, 1)
    assert service.score(as_row(rollout)).status_code == 200
    (stored,) = memory.stored.values()
    assert stored.query_embedding is not None and rollout.query_embedding is not None
    assert (stored.query_embedding == rollout.query_embedding).all()
    assert (stored.policy_signals, stored.place) == (rollout.policy_signals, 1)


def test_places_are_counted_where_they_are_not_given(service: Service, memory: ServedFake) -> None:
    for _ in range(2):
        assert service.score(row(), row(), row("Other?")).status_code == 200
    assert len(memory.stored) == 6
    places = sorted(r.place for r in memory.stored.values() if r.query == "What?")
    assert places == list(range(places[0], places[0] + 4))


def test_evaluation_stores_nothing(service: Service, memory: ServedFake) -> None:
    answer = service.score(row(), train=False)
    assert answer.json()["scores"][0]["value"] == 0.04
    assert (memory.stored, memory.calls) == ({}, [(1, False)])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body.rollouts: Field required"),
        ({"rollouts": [row(), row(answer="a\0b")]}, "rollout 1 of 2: `answer` holds a NUL"),
        ({"rollouts": [row(reward=1.5)]}, "`reward` is 1.5"),
        ({"rollouts": [row(reward=float("nan"))]}, "`reward` is nan"),
        ({"rollouts": [row(answer="\ud800")]}, "answer"),
        ({"rollouts": [row()], "trian": False}, "trian: Extra inputs are not permitted"),
        ({"rollouts": [row(step="7")]}, "rollouts.0.step"),
        ({"rollouts": [{"query": "What?"}]}, "`answer` is missing"),
        ({"rollouts": [row(" ")]}, "`query` is empty"),
        ({"rollouts": [row()] * 101}, "at most 100 can wait"),
        ({"rollouts": [row()], "train": "no"}, "body.train"),
        ({"rollouts": [row(policy_embedding=[0.0, 0.0])]}, "`policy_embedding` has length 0"),
    ],
)
def test_what_is_wrong_is_said_and_not_stored(
    service: Service, memory: ServedFake, body: dict[str, Any], message: str
) -> None:
    answer = service.post("/v1/score", body)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert memory.calls == []


def test_other_columns_are_ignored_as_in_files_and_named(
    service: Service, memory: ServedFake
) -> None:
    answer = service.score(row(rewards=1, rollout=0), row(gold="4", rollout=1)).json()
    assert answer["not_used"] == ["gold", "rewards"]
    assert [score["value"] for score in answer["scores"]] == [0.04, 0.04]
    assert service.score(row()).json()["not_used"] == []
    assert {rollout.reward for rollout in memory.stored.values()} == {None}


def test_a_plan_names_the_columns_that_it_ignores(service: Service, memory: ServedFake) -> None:
    rollouts = [row(gold="4", rollout=place) for place in range(3)]
    answer = service.post("/v1/plan", {"rollouts": rollouts, "budget": 2})
    assert answer.json() == {"rows": [0, 1], "not_used": ["gold"]}
    assert memory.stored == {}


def test_labels_go_to_the_memory(service: Service, memory: ServedFake) -> None:
    (score,) = service.score(row(rollout=0)).json()["scores"]
    label = {"rollout_id": score["rollout_id"], "reward": 1}
    answer = service.post("/v1/label", {"labels": [label], "annotator": "ann"})
    assert (answer.status_code, answer.json()) == (
        200,
        {"rewards": 1, "preferences": 0, "taken_over": 0},
    )
    assert memory.labels == [(label, "ann")]
    for body, message in (
        ({"labels": [{"rollout_id": "none", "reward": 1}]}, "no rollout none"),
        ({"labels": [5]}, "body.labels.0"),
        ({"labels": [label], "annotater": "ann"}, "annotater: Extra inputs"),
        ({}, "body.labels: Field required"),
    ):
        answer = service.post("/v1/label", body)
        assert (answer.status_code, message in answer.json()["detail"]) == (422, True), body
    form = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-www-form-urlencoded"}
    plain = service.post("/v1/label", {"labels": [label]}, headers=form)
    assert (plain.status_code, "Content-Type" in plain.json()["detail"]) == (422, True)
    memory.error = UnreachableError("Postgres is gone: start it")
    answer = service.post("/v1/label", {"labels": [label]})
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert len(memory.labels) == 1


def test_it_learns_when_it_is_told_to(service: Service, memory: ServedFake) -> None:
    assert service.post("/v1/learn", None).json() == {"model": "learned 1"}
    memory.error = InputError("nothing is verified: label something first")
    answer = service.post("/v1/learn", None)
    assert (answer.status_code, "label something" in answer.json()["detail"]) == (422, True)


def test_it_learns_by_itself_once_enough_is_verified(memory: ServedFake) -> None:
    said: list[str] = []
    scorer = LearningScorer(memory, 3, said.append)
    verified = [make_rollout(1, place, reward=1.0) for place in range(3)]
    scorer.score(verified, store=False)
    scorer.score(verified[:2])
    scorer.score([make_rollout(2, place, reward=None) for place in range(5)])
    scorer.close()
    assert memory.n_learned == 0
    scorer.score(verified[2:])
    scorer.close()
    assert (memory.n_learned, said) == (1, ["learned: learned 1 scores from here on"])
    later = [{"rollout_id": id_, "reward": 0} for id_ in memory.stored][:3]
    scorer.label(later[:2], annotator="ann")
    scorer.close()
    assert memory.n_learned == 1
    scorer.label(later[2:], annotator="ann")
    scorer.close()
    assert memory.n_learned == 2
    memory.error = None
    scorer.score(verified[:2])
    scorer.close()
    assert memory.n_learned == 2


def test_it_serves_on_if_it_cannot_learn(memory: ServedFake) -> None:
    said: list[str] = []
    scorer = LearningScorer(memory, 1, said.append)

    def fail() -> str:
        raise InputError("too few labels")

    memory.learn = fail
    assert len(scorer.score([make_rollout(1, 0, reward=1.0)])) == 1
    scorer.close()
    assert said == ["warning: it did not learn: too few labels"]


def test_a_body_that_is_no_json_is_refused(service: Service) -> None:
    for body in (b"{", b"\xff\xfe", b"[" * 100_000):
        answer = service.post("/v1/score", None, data=body)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": TOKEN},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + b64encode(f"{TOKEN}:x".encode()).decode()},
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/score", "/v1/label", "/v1/refresh", "/v1/learn", "/openrlhf", "/nothing"]
)
def test_nothing_is_said_without_the_token(
    service: Service, memory: ServedFake, path: str, headers: dict[str, str]
) -> None:
    answer = service.post(path, {"rollouts": [row()]}, headers=headers)
    assert answer.status_code == 401
    assert "memreward serve" in answer.json()["detail"]
    assert (memory.calls, memory.refreshed) == ([], 0)
    assert service.get("/openapi.json").status_code == 401


def test_a_url_may_hold_the_token(service: Service) -> None:
    url = service.url.replace("://", f"://any:{TOKEN}@")
    answer = requests.post(f"{url}/v1/score", json={"rollouts": [row()]}, timeout=60)
    assert answer.status_code == 200


def test_large_bodies_are_refused_early_and_late() -> None:
    with serving(ServedFake(), max_body=1000) as service:
        assert service.score(row()).status_code == 200
        assert service.score(row(answer="x" * 2000)).status_code == 413
        chunks = (b" " * 100 for _ in range(50))  # Chunked: no header says how much comes.
        answer = service.post("/v1/score", None, data=chunks)
        assert answer.status_code == 413
        assert "1,000 bytes" in answer.json()["detail"]


def test_a_full_queue_is_refused_and_can_be_tried_again() -> None:
    memory = ServedFake()
    memory.gate.clear()
    with serving(memory, limit=3) as service, ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.score, row())
        assert memory.begun.wait(300)
        second = pool.submit(service.score, row(), row())
        while service.queue.waiting < 2:
            time.sleep(0.01)
        answer = service.score(row(), row())
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert "2 rollouts are waiting, at most 3 can" in answer.json()["detail"]
        memory.gate.set()
        assert first.result(300).status_code == second.result(300).status_code == 200
        assert service.score(row(), row()).status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnreachableError("Postgres is gone: start it"), 503),
        (EncoderMismatchError("another encoder: call `refresh`"), 500),
        (StoreFullError("no space left: make some"), 500),
        (CheckpointError("no model: run `memreward train`"), 500),
    ],
)
def test_failures_are_errors_and_no_rewards(
    service: Service, memory: ServedFake, error: MemrewardError, status: int
) -> None:
    memory.error = error
    answer = service.score(row())
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(str(error))
    assert ("Retry-After" in answer.headers) == (status == 503)
    memory.error = None
    assert service.score(row()).status_code == 200


def test_a_refused_rollout_leaves_other_callers_alone(service: Service, memory: ServedFake) -> None:
    assert service.score(row(rollout=0)).status_code == 200
    memory.begun.clear()
    memory.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        blocked = pool.submit(service.score, row(rollout=9))
        assert memory.begun.wait(300)
        waiting = [
            pool.submit(service.score, row(rollout=number, answer="another")) for number in range(3)
        ]
        while service.queue.waiting < 3:
            time.sleep(0.01)
        memory.gate.set()
        statuses = [future.result(300).status_code for future in (blocked, *waiting)]
    assert statuses == [200, 422, 200, 200]


def test_readiness(service: Service, memory: ServedFake) -> None:
    assert service.get("/health").json() == service.get("/ready").json()
    refreshed = service.post("/v1/refresh", None)
    assert (refreshed.status_code, refreshed.json()) == (200, {"model": "newer"})
    assert service.get("/ready").status_code == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_scorer_is_neither_ready_nor_healthy() -> None:
    memory = ServedFake()
    memory.error = ZeroDivisionError("a fault")
    with serving(memory) as service:
        assert service.score(row()).status_code == 500
        assert service.get("/health").status_code == service.get("/ready").status_code == 503
        assert service.score(row()).status_code == 500


def test_openrlhf_is_answered_in_its_own_form(service: Service, memory: ServedFake) -> None:
    prompt = "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    body = {
        "query": [f"{prompt}It is four.\n#### 4<|im_end|>\n<|endoftext|>", f"{prompt}<|im_end|>"],
        "prompts": [prompt] * 2,
        "labels": [{"poison": True}, None],
    }
    answer = service.post("/openrlhf", body)
    assert answer.json() == {
        "rewards": [0.01, 0.0],
        "scores": [0.01, 0.0],
        "extra_logs": {"memreward_abstained": [0.0, 0.0], "memreward_confidence": [0.5, 0.0]},
    }
    (stored,) = memory.stored.values()
    assert (stored.query, stored.thinking, stored.answer) == (prompt, "It is four.", "4")
    odd = {"query": ["odd: 4"], "prompts": ["odd:"], "labels": [None]}
    answer = service.post("/openrlhf?train=false&neutral=0.3", odd)
    assert answer.json()["rewards"] == [0.3]
    assert len(memory.stored) == 1
    assert service.post("/openrlhf?neutral=2", odd).status_code == 422
    assert service.post("/openrlhf", {**odd, "prompts": ["even:"]}).status_code == 422


def test_the_document_describes_it(service: Service) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    document = requests.get(f"{service.url}/openapi.json", headers=headers, timeout=60).json()
    assert set(document["paths"]) == {
        "/health",
        "/ready",
        "/v1/score",
        "/v1/plan",
        "/v1/label",
        "/v1/learn",
        "/v1/refresh",
        "/v1/flush",
        "/metrics",
        "/openrlhf",
    }
    score = document["paths"]["/v1/score"]["post"]
    assert score["security"] and {"401", "413", "422", "500", "503"} <= set(score["responses"])
    assert "query" in document["components"]["schemas"]["RolloutForm"]["required"]


def test_stopping_answers_what_was_taken_on() -> None:
    memory = ServedFake()
    memory.gate.clear()
    with ThreadPoolExecutor(9) as pool:
        with serving(memory) as service:
            answers = [pool.submit(service.score, row(rollout=n)) for n in range(8)]
            while service.queue.waiting + memory.n_begun < 8:
                time.sleep(0.01)
            threading.Timer(0.3, memory.gate.set).start()
        assert [answer.result(300).status_code for answer in answers] == [200] * 8
    assert len(memory.stored) == 8


def test_a_caller_that_leaves_loses_nothing(service: Service, memory: ServedFake) -> None:
    memory.gate.clear()
    where = urlsplit(service.url)
    body = b'{"rollouts": [{"query": "What?", "answer": "4"}]}'
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(
            b"POST /v1/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (TOKEN.encode(), len(body), body)
        )
        assert memory.begun.wait(300)
    memory.gate.set()
    assert service.score(row("Next?")).status_code == 200
    assert {r.query for r in memory.stored.values()} == {"What?", "Next?"}


def test_the_fake_is_what_the_service_stands_on(memory: ServedFake) -> None:
    served: Served = memory
    assert served is memory
