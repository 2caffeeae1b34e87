"""The views of queries: a table of them, one of them, and one rollout."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from memreward.look.filters import FILTERS, RIGHT
from memreward.look.pages import address, page
from memreward.look.parameters import AsOf, Id, MemoryName, Name, cursor_in, cursor_text
from memreward.look.request import Looked, frame
from memstore.browse import (
    MOST_OF_ONE,
    GroupChoice,
    group_detail,
    group_page,
    names_in,
    rollout_detail,
)
from schema.errors import InputError

#: Queries on a page.
SIZE: Final = 40


def add_groups(app: FastAPI, looked: Looked) -> None:
    """Add the views."""
    _add_table(app, looked)
    _add_details(app, looked)


def _add_table(app: FastAPI, looked: Looked) -> None:
    @app.get("/groups")
    def groups(
        memory: MemoryName = None,
        text: Name = None,
        only: Name = None,
        dataset: Name = None,
        run: Name = None,
        policy: Name = None,
        as_of: AsOf = None,
        after: Name = None,
    ) -> HTMLResponse:
        asked = {
            "text": text or None,
            "only": only or None,
            "dataset": dataset or None,
            "run": run or None,
            "policy": policy or None,
            "as_of": as_of,
        }
        return _groups(looked, memory, asked, after or None)


def _add_details(app: FastAPI, looked: Looked) -> None:
    @app.get("/group")
    def group(
        query: Id,
        memory: MemoryName = None,
        conclusion: Annotated[str | None, Query(max_length=200)] = None,
        skip: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        as_of: AsOf = None,
    ) -> HTMLResponse:
        with looked.view(memory, as_of) as view:
            shown = group_detail(view, query, conclusion, skip)
            around = frame(view, "group", as_of)
        more = {"conclusion": conclusion, "skip": skip, "of_one": MOST_OF_ONE, "right": RIGHT}
        return page("group.html", {**around, "group": shown, **more})

    @app.get("/rollout")
    def rollout(rollout: Id, memory: MemoryName = None, as_of: AsOf = None) -> HTMLResponse:
        with looked.view(memory, as_of) as view:
            shown = rollout_detail(view, rollout)
            around = frame(view, "rollout", as_of)
        return page("rollout.html", {**around, "rollout": shown, "right": RIGHT})


def _groups(
    looked: Looked, memory: str | None, asked: dict[str, Any], after: str | None
) -> HTMLResponse:
    only = asked["only"]
    if only is not None and only not in FILTERS:
        raise InputError(f"there is no filter {only!r}: choose one of {', '.join(FILTERS)}")
    with looked.view(memory, asked["as_of"]) as view:
        choice = GroupChoice(
            text=asked["text"],
            dataset=asked["dataset"],
            run=asked["run"],
            policy=asked["policy"],
            keep=None if only is None else FILTERS[only].keep,
        )
        found = group_page(view, choice, cursor_in(after), SIZE)
        names = names_in(view)
        around = frame(view, "groups", asked["as_of"])
    here = {"memory": around["memory"], **asked}
    onward = None
    if found.next is not None:
        onward = address("groups", **here, after=cursor_text(found.next))
    values = {"page": found, "names": names, "asked": asked, "filters": FILTERS, "right": RIGHT}
    first = None if after is None else address("groups", **here)
    return page("groups.html", {**around, **values, "next": onward, "first": first})
