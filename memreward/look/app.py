"""The pages over a memory: what `memreward look` serves."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from gnn.base import page_style
from memreward.look.access import Access
from memreward.look.ask import add_ask
from memreward.look.groups import add_groups
from memreward.look.label import add_label
from memreward.look.pages import address, page
from memreward.look.request import Looked, MemoryName
from memreward.look.runs import add_runs
from memreward.look.why import add_why
from memstore.browse import browsed_memories
from schema.errors import (
    CheckpointError,
    InputError,
    MemrewardError,
    ServerError,
    UnknownMemoryError,
)

_STATIC: Final = Path(__file__).parent / "static"


def create_app(looked: Looked, *, token: str, port: int) -> FastAPI:
    """The ASGI application.

    Args:
        looked: what is shown.
        token: that the link has.
        port: where it listens.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_first_page(app, looked)
    add_runs(app, looked)
    add_groups(app, looked)
    add_why(app, looked)
    add_label(app, looked)
    add_ask(app, looked)
    _add_errors(app)
    app.get("/static/page.css")(_shared_style)
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_middleware(Access, token=token, port=port)
    return app


def _shared_style() -> Response:
    """The style sheet that reports and explanations have, too."""
    return Response(page_style(), media_type="text/css")


def _add_first_page(app: FastAPI, looked: Looked) -> None:
    @app.get("/")
    def memories() -> Response:
        """The memories of all pairs; the only one by itself."""
        found = [
            item
            for stores in looked.pairs
            for item in browsed_memories(stores)
            if looked.only in (None, item.name)
        ]
        if len(found) == 1:
            return RedirectResponse(address("runs", memory=found[0].name), 303)
        return page("memories.html", {"memories": found, "memory": None})

    @app.get("/seq")
    def seq(memory: MemoryName = None) -> JSONResponse:
        """The last published batch, for a page that wants to know whether it is old."""
        with looked.view(memory) as view:
            return JSONResponse({"seq": view.seq})


def _add_errors(app: FastAPI) -> None:
    """Refusals as pages; what is not raised on purpose stays a fault, 500, with a traceback."""

    @app.exception_handler(MemrewardError)
    def refused(_: Request, error: MemrewardError) -> Response:
        if isinstance(error, ServerError):
            return _problem(503, str(error))
        known = isinstance(error, InputError | UnknownMemoryError | CheckpointError)
        return _problem(404 if known else 500, str(error))

    @app.exception_handler(RequestValidationError)
    def unread(_: Request, error: RequestValidationError) -> Response:
        said = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return _problem(422, "; ".join(said[:5]))

    @app.exception_handler(HTTPException)
    def unknown(_: Request, error: HTTPException) -> Response:
        return _problem(error.status_code, str(error.detail))


def _problem(status: int, detail: str) -> HTMLResponse:
    """A page that says what happened; of a database that is away, one that tries again."""
    values: dict[str, Any] = {"memory": None, "detail": detail, "again": status == 503}
    return page("problem.html", values, status)
