"""The view for questions in Cypher, which pass the same guard as `memreward query`."""

import asyncio
import json
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from memreward.look.pages import address, page
from memreward.look.questions import MAX_CYPHER, Questions
from memreward.look.request import Looked, MemoryName, form_of, frame
from memstore.db import QueryResult, named_queries
from schema.errors import InputError, QueryRefusedError

#: Somebody waits, and a page is no file of rows.
TIMEOUT_S: Final = 10.0
MOST_ROWS: Final = 500
#: Characters of a value that are shown.
HEAD: Final = 500

Cypher = Annotated[str, Query(max_length=MAX_CYPHER)]


def add_ask(app: FastAPI, looked: Looked) -> None:
    """Add the view."""
    saved = Questions(looked.settings)

    @app.get("/ask")
    def ask(request: Request, memory: MemoryName = None, cypher: Cypher = "") -> HTMLResponse:
        _refuse_if_one_alone(looked)
        with looked.view(memory) as view:
            around = frame(view, "ask", None)
        # A page of another site may lead here: it does not choose what Neo4j has to do.
        asks = request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        found, refused = None, None
        if cypher.strip() and asks:
            found, refused = _answer(looked, around["memory"], cypher)
        values = {
            "cypher": cypher,
            "saved": saved.all(),
            "examples": named_queries("demo.cypher"),
            "found": found,
            "refused": refused,
            "rows": [] if found is None else [_shown(found, row) for row in found.rows],
            "limits": {"seconds": TIMEOUT_S, "rows": MOST_ROWS, "characters": MAX_CYPHER},
        }
        return page("ask.html", {**around, **values})

    @app.post("/ask")
    async def keep(request: Request) -> Response:
        _refuse_if_one_alone(looked)
        form = await form_of(request)
        memory, cypher = looked.named(form.get("memory")), form.get("cypher", "")
        await asyncio.to_thread(saved.keep, form.get("name", ""), cypher)
        return RedirectResponse(address("ask", memory=memory, cypher=cypher or None), 303)


def _refuse_if_one_alone(looked: Looked) -> None:
    if looked.only is not None:
        raise InputError(
            "questions see every memory, and one alone is shown here: run `memreward look` "
            "without --memory"
        )


def _answer(
    looked: Looked, memory: str, cypher: str
) -> tuple[QueryResult, None] | tuple[None, str]:
    """What Neo4j says, or why it was not asked."""
    try:
        graph, parameters = looked.stores_of(memory).graph, {"memory": memory}
        return graph.query(cypher, parameters, TIMEOUT_S, MOST_ROWS), None
    except QueryRefusedError as error:
        return None, str(error)


def _shown(found: QueryResult, row: dict[str, Any]) -> list[str]:
    """The beginnings of the values of a row."""
    return [_text(row[name])[:HEAD] for name in found.columns]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
