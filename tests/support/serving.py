"""The service over a memory of a few lines, on a port of its own, and clients of it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn
from support.fake_scorer import FakeScorer

from memreward.scoring.metrics import CountingScorer, ScoringMetrics
from memreward.scoring.queue import ScoringQueue
from memreward.serving.app import Served, create_app
from memreward.serving.middleware import BODY_SECONDS, MAX_BODY_BYTES
from memreward.web.listener import listening
from memstore.encoders.default import Encoder
from schema.errors import InputError
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score

TOKEN = "a-token-for-tests"


class ServedFake(FakeScorer):
    """A fake memory that can be served; `gate` holds it up."""

    def __init__(self, opinion: Callable[[Rollout], float | None] = lambda _: 0.25) -> None:
        super().__init__(opinion)
        self.encoder = Encoder()
        self.begun, self.gate = threading.Event(), threading.Event()
        self.reset()

    def reset(self) -> None:
        """As if it were new."""
        self.stored, self.calls = {}, []
        self.planned: list[tuple[Sequence[Rollout], int]] = []
        self.labels: list[tuple[dict[str, Any], str | None]] = []
        self.model: str | None = "fake"
        self.refreshed = self.n_begun = self.n_learned = self.seq = 0
        self.known: tuple[int, int] = (0, 0)
        self.begun.clear()
        self.gate.set()
        self.error: Exception | None = None

    def batches(self) -> tuple[int, int]:
        if self.error is not None:
            raise self.error
        return self.known

    def refresh(self) -> None:
        self.refreshed += 1
        self.model = "newer"

    def learn(self) -> str:
        if self.error is not None:
            raise self.error
        self.n_learned += 1
        self.model = f"learned {self.n_learned}"
        return self.model

    def plan_calls(self, rollouts: Sequence[Rollout], budget: int) -> list[int]:
        self.planned.append((rollouts, budget))
        return list(range(min(budget, len(rollouts))))

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Keeps labels of rollouts that are stored."""
        if self.error is not None:
            raise self.error
        for row in labels:
            if row["rollout_id"] not in self.stored:
                raise InputError(f"no rollout {row['rollout_id']} is in memory 'fake'")
        self.labels += [(dict(row), annotator) for row in labels]
        return LabelReport(rewards=len(labels))

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        self.n_begun += len(rollouts)
        self.begun.set()
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return super().score(rollouts, store=store)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running service."""

    url: str
    queue: ScoringQueue

    def post(
        self,
        path: str,
        body: Any,
        *,
        headers: dict[str, str] | None = None,
        data: Any = None,
    ) -> requests.Response:
        """Post `body` as JSON, or `data` as it is; with the token, or other headers."""
        known = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
        known = {"Content-Type": "application/json"} | known
        sent = json.dumps(body) if data is None else data
        return requests.post(self.url + path, data=sent, headers=known, timeout=60)

    def score(self, *rows: dict[str, Any], **fields: Any) -> requests.Response:
        return self.post("/v1/score", {"rollouts": list(rows), **fields})

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return requests.get(self.url + path, headers=headers, timeout=60)

    def metrics(self) -> dict[str, float]:
        """Values by sample, as `name{label="value"}`; buckets and this process left out."""
        answer = self.get("/metrics", {"Authorization": f"Bearer {TOKEN}"})
        assert answer.headers["Content-Type"].startswith("text/plain")
        lines = (line.rpartition(" ") for line in answer.text.splitlines())
        return {
            name: float(value)
            for name, _, value in lines
            if name.startswith("memreward") and "_bucket" not in name
        }


@contextmanager
def serving(
    memory: Served,
    *,
    limit: int = 100,
    port: int = 0,
    max_body: int = MAX_BODY_BYTES,
    body_seconds: float = BODY_SECONDS,
    **tls: str,
) -> Iterator[Service]:
    """Serve in a thread for the length of a block; `tls` as uvicorn has it."""
    metrics = ScoringMetrics()
    queue = ScoringQueue(CountingScorer(memory, metrics), limit=limit)
    with listening("127.0.0.1", port) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(
                memory,
                queue,
                TOKEN,
                metrics=metrics,
                max_body=max_body,
                body_seconds=body_seconds,
            ),
            log_level="error",
            lifespan="off",
            **tls,  # pyright: ignore[reportArgumentType]
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield Service(url=f"http://127.0.0.1:{port}", queue=queue)
        finally:
            server.should_exit = True
            thread.join(300)
            queue.close()
