"""The HTTP service over a memory: what `memreward serve` runs."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST

from memreward.adapters import NEUTRAL, answer_of, row_of
from memreward.scoring import Counted, RowReader, ScoringMetrics, ScoringQueue, in_place, said
from memreward.serving.learning import Labelled
from memreward.serving.middleware import BODY_SECONDS, MAX_BODY_BYTES, Guard
from memreward.serving.schemas import (
    LabelRequest,
    LabelResponse,
    LearnResponse,
    Liveness,
    Neutral,
    OpenrlhfRequest,
    OpenrlhfResponse,
    PlanRequest,
    PlanResponse,
    RefreshResponse,
    Refusal,
    ScoreForm,
    ScoreRequest,
    ScoreResponse,
)
from memreward.serving.timed import Timed
from memstore.encoders import TextEncoder
from schema.errors import (
    BusyError,
    EncoderMismatchError,
    InputError,
    MemrewardError,
    UnreachableError,
)
from schema.rollout import Rollout
from schema.score import Score, Scorer

#: When a caller that was refused may come again, in seconds: for a full queue, a lost database.
_SOON, _LATER = "1", "5"
#: The guard asks for the token; this says so in the OpenAPI document.
_BEARER: Final = [Depends(HTTPBearer(auto_error=False))]
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "The token is missing or wrong."},
    413: {"model": Refusal, "description": "The body is too large."},
    422: {"model": Refusal, "description": "The request is wrong; nothing of it was stored."},
    500: {"model": Refusal, "description": "The memory cannot score until an operator acts."},
    503: {
        "model": Refusal,
        "description": "Full, stopping or without a database.",
    },
}


class Served(Scorer, Labelled, Counted, Protocol):
    """What the service needs of a `memreward.Memory`."""

    @property
    def model(self) -> str | None:
        """Version of the checkpoint that scores."""
        ...

    @property
    def encoder(self) -> TextEncoder:
        """What embeds the texts."""
        ...

    def refresh(self) -> None:
        """Take up a newer checkpoint."""
        ...

    def learn(self) -> str:
        """Learn from what is verified by now; returns the checkpoint's version."""
        ...

    def plan_calls(self, rollouts: Sequence[Rollout], budget: int) -> list[int]:
        """Rows to verify; see `schema.calls.CallPlanner`."""
        ...


class _RequestHandler:
    """Requests become rollouts, wait in the queue, and are answered."""

    def __init__(self, memory: Served, queue: ScoringQueue) -> None:
        self.memory, self.queue = memory, queue
        self._rows = RowReader()

    async def scores(self, rows: Sequence[dict[str, Any]], *, train: bool) -> list[Score]:
        """Scores in order. What one request gets wrong is found before it meets others."""
        if not rows:
            return []
        rollouts = self._read(rows)
        return await asyncio.wrap_future(self.queue.submit(rollouts, store=train))

    async def plan(self, rows: Sequence[dict[str, Any]], budget: int) -> list[int]:
        """The rows to verify; nothing is stored."""
        return await asyncio.to_thread(self.memory.plan_calls, self._read(rows), budget)

    def _read(self, rows: Sequence[dict[str, Any]]) -> list[Rollout]:
        return self._rows.rollouts(rows, self.memory.encoder)

    def unready(self) -> str | None:
        """Why it cannot score now; None: it can."""
        if not self.queue.alive:
            return "the scoring thread has died or was stopped: start the service again"
        if self.queue.waiting >= self.queue.limit:
            return "the queue is full"
        return None

    def without_database(self) -> str | None:
        """Why nothing could be stored now; None: it could."""
        try:
            self.memory.batches()
        except UnreachableError as error:
            return str(error)
        return None


def create_app(
    memory: Served,
    queue: ScoringQueue,
    token: str,
    *,
    labelled: Labelled | None = None,
    metrics: ScoringMetrics | None = None,
    max_body: int = MAX_BODY_BYTES,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """The ASGI application.

    Args:
        memory: what is served.
        queue: before it; closed by whoever made it.
        token: that callers must show.
        labelled: takes the labels; None: the memory does.
        metrics: where it is counted; None: from now on.
        max_body: largest body of a request in bytes.
        body_seconds: by when a body must have arrived.
    """
    app = FastAPI(
        title="memreward",
        version=version("memreward"),
        description="Rewards for rollouts from a shared memory.",
        docs_url=None,  # These pages load scripts from elsewhere.
        redoc_url=None,
    )
    handler = _RequestHandler(memory, queue)
    _add_probes(app, handler)
    _add_scoring(app, handler)
    _add_labels(app, labelled or memory)
    _add_upkeep(app, memory)
    metrics = metrics or ScoringMetrics()
    metrics.watch(memory, queue)
    _add_metrics(app, metrics)
    _add_errors(app)
    app.add_middleware(Guard, token=token, max_body=max_body, seconds=body_seconds)
    app.add_middleware(Timed, metrics=metrics)
    return app


def _add_probes(app: FastAPI, handler: _RequestHandler) -> None:
    """What may be asked without a token."""

    @app.get("/health", responses={503: {"model": Liveness}})
    async def health() -> JSONResponse:
        """Liveness: whether the process still works. If not, restart it."""
        return _state(None if handler.queue.alive else handler.unready())

    @app.get("/ready", responses={503: {"model": Liveness}})
    async def ready() -> JSONResponse:
        """Whether a request would be scored now: there is room, and Postgres answers."""
        return _state(handler.unready() or await asyncio.to_thread(handler.without_database))


def _add_scoring(app: FastAPI, handler: _RequestHandler) -> None:
    """What is said of rollouts."""

    @app.post("/v1/score", dependencies=_BEARER, responses=_REFUSALS)
    async def score(request: ScoreRequest) -> ScoreResponse:
        """Score rollouts, and store them unless `train` is false."""
        rows = [form.model_dump(exclude_none=True) for form in request.rollouts]
        scores = await handler.scores(rows, train=request.train)
        forms = [ScoreForm.of(score) for score in scores]
        return ScoreResponse(scores=forms, not_used=request.not_used)

    @app.post("/v1/plan", dependencies=_BEARER, responses=_REFUSALS)
    async def plan(request: PlanRequest) -> PlanResponse:
        """Say which rollouts to verify before they are scored; for `serve --reuse`."""
        rows = [form.model_dump(exclude_none=True) for form in request.rollouts]
        chosen = await handler.plan(rows, request.budget)
        return PlanResponse(rows=chosen, not_used=request.not_used)

    @app.post("/openrlhf", dependencies=_BEARER, responses=_REFUSALS)
    async def openrlhf(
        request: OpenrlhfRequest,
        train: Annotated[bool, Query(description="False: nothing is stored.")] = True,
        neutral: Annotated[Neutral, Query(description="Stands for no opinion.")] = NEUTRAL,
    ) -> OpenrlhfResponse:
        """OpenRLHF's remote reward model; a URL with the token is http://any:TOKEN@HOST/openrlhf."""
        if len(request.query) != len(request.prompts):
            raise InputError(
                f"{len(request.query)} in `query` and {len(request.prompts)} in `prompts`: give "
                "one prompt each"
            )
        rows = [row_of(*pair) for pair in zip(request.query, request.prompts, strict=True)]
        kept = said(rows)
        scores = await handler.scores([dict(rows[place]) for place in kept], train=train)
        answer = answer_of(in_place(scores, kept, len(rows)), neutral)
        return OpenrlhfResponse(**answer)


def _add_labels(app: FastAPI, memory: Labelled) -> None:
    """What verifiers and people say of rollouts that were scored before."""

    @app.post("/v1/label", dependencies=_BEARER, responses=_REFUSALS)
    async def label(request: LabelRequest) -> LabelResponse:
        """Store rewards and preferences of stored rollouts; scores of others know them."""
        report = await asyncio.to_thread(memory.label, request.labels, annotator=request.annotator)
        return LabelResponse.of(report)


def _add_upkeep(app: FastAPI, memory: Served) -> None:
    """What keeps the service and Neo4j up to date."""

    @app.post("/v1/refresh", dependencies=_BEARER, responses=_REFUSALS)
    async def refresh() -> RefreshResponse:
        """Take up the latest checkpoint, another encoder, and edges changed in Neo4j."""
        await asyncio.to_thread(memory.refresh)
        return RefreshResponse(model=memory.model)

    @app.post("/v1/learn", dependencies=_BEARER, responses=_REFUSALS)
    async def learn() -> LearnResponse:
        """Learn from what is verified by now, and score by that; scores wait for it."""
        return LearnResponse(model=await asyncio.to_thread(memory.learn))

    @app.post("/v1/flush", dependencies=_BEARER, responses=_REFUSALS)
    async def flush() -> Liveness:
        """Wait until everything that was stored is visible in Neo4j."""
        await asyncio.to_thread(memory.flush)
        return Liveness(ok=True)


def _add_metrics(app: FastAPI, metrics: ScoringMetrics) -> None:
    """What is counted."""

    @app.get("/metrics", dependencies=_BEARER, response_class=Response)
    async def counts() -> Response:
        """Counts and times, in Prometheus' text format."""
        text = await asyncio.to_thread(metrics.text)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    """Errors as statuses; what is not raised on purpose stays a fault, 500, with a traceback."""

    @app.exception_handler(RequestValidationError)
    async def unread(request: Request, error: RequestValidationError) -> JSONResponse:
        given = request.headers.get("content-type", "none")
        if "json" not in given and any(one["loc"][0] == "body" for one in error.errors()):
            return _refusal(422, f"send `Content-Type: application/json` (it was: {given})")
        found = [
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        ]
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        return _refusal(422, "; ".join(found[:5]) + more)

    @app.exception_handler(MemrewardError)
    async def refused(_: Request, error: MemrewardError) -> JSONResponse:
        if isinstance(error, EncoderMismatchError):
            return _refusal(500, f"{error} (of this service: POST /v1/refresh)")
        if isinstance(error, InputError):
            return _refusal(422, str(error))
        if isinstance(error, BusyError):
            return _refusal(503, str(error), _SOON)
        if isinstance(error, UnreachableError):
            return _refusal(503, str(error), _LATER)
        return _refusal(500, str(error))


def _state(reason: str | None) -> JSONResponse:
    state = Liveness(ok=reason is None, reason=reason)
    return JSONResponse(state.model_dump(), 200 if state.ok else 503)


def _refusal(status: int, detail: str, retry_after: str | None = None) -> JSONResponse:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    text = detail.encode(errors="backslashreplace").decode()  # A caller's names are in it.
    return JSONResponse({"detail": text}, status, headers)
