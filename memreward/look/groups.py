"""The views of queries: a table of them, one of them, and one rollout."""

from functools import partial
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from memreward.look.drawing import MOST_WORDS, differences_of
from memreward.look.filters import FILTERS, RIGHT
from memreward.look.pages import address, page
from memreward.look.request import AsOf, Id, Looked, MemoryName, Name, cursor_in, cursor_text, frame
from memstore.browse import (
    LOOKED_AT,
    MOST_OF_ONE,
    PATIENCE_S,
    GroupChoice,
    GroupPage,
    TypedTexts,
    View,
    begun,
    group_detail,
    group_page,
    groups_like,
    names_in,
    rollout_detail,
)
from schema.errors import InputError
from schema.memory_graph import Floats

#: Queries on a page.
SIZE: Final = 40
#: What is said after a fault.
FAULT: Final = "the text could not be embedded: see the terminal"


def add_groups(app: FastAPI, looked: Looked) -> None:
    """Add the views."""
    _add_table(app, looked)
    _add_details(app, looked)
    _add_comparison(app, looked)


def _add_table(app: FastAPI, looked: Looked) -> None:
    typed = TypedTexts(looked.stores_of)

    @app.get("/groups")
    def groups(
        memory: MemoryName = None,
        text: Name = None,
        like: Name = None,
        only: Name = None,
        dataset: Name = None,
        run: Name = None,
        policy: Name = None,
        as_of: AsOf = None,
        after: Name = None,
    ) -> HTMLResponse:
        asked = {
            "text": text or None,
            "like": like or None,
            "only": only or None,
            "dataset": dataset or None,
            "run": run or None,
            "policy": policy or None,
            "as_of": as_of,
        }
        return _groups(looked, typed, memory, asked, after or None)


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


def _add_comparison(app: FastAPI, looked: Looked) -> None:
    @app.get("/difference")
    def difference(
        left: Id, right: Id, memory: MemoryName = None, as_of: AsOf = None
    ) -> HTMLResponse:
        with looked.view(memory, as_of) as view:
            pair = [rollout_detail(view, id_) for id_ in (left, right)]
            around = frame(view, "difference", as_of)
        thinking = differences_of(*(item.thinking for item in pair))
        answer = differences_of(*(item.answer for item in pair))
        sides = list(zip(pair, thinking, answer, strict=True))
        values = {"sides": sides, "most": MOST_WORDS, "right": RIGHT}
        return page("difference.html", {**around, **values})


def _groups(
    looked: Looked,
    typed: TypedTexts,
    memory: str | None,
    asked: dict[str, Any],
    after: str | None,
) -> HTMLResponse:
    only, like = asked["only"], asked["like"]
    if only is not None and only not in FILTERS:
        raise InputError(f"there is no filter {only!r}: choose one of {', '.join(FILTERS)}")
    # Not within the view: the first time, the encoder is loaded.
    vector = None
    if like is not None:
        made = begun(partial(typed.vector, looked.named(memory), like), FAULT)
        try:
            vector = made.result(PATIENCE_S)
        except TimeoutError:
            return _later(looked, memory, asked["as_of"])
    with looked.view(memory, asked["as_of"]) as view:
        found, cosines = _found(view, asked, vector, after)
        names = names_in(view)
        around = frame(view, "groups", asked["as_of"])
    here = {"memory": around["memory"], **asked}
    onward = None
    if found.next is not None:
        onward = address("groups", **here, after=cursor_text(found.next))
    values = {"page": found, "cosines": cosines, "names": names, "asked": asked}
    more = {"filters": FILTERS, "right": RIGHT, "next": onward}
    first = None if after is None else address("groups", **here)
    return page("groups.html", {**around, **values, **more, "first": first})


def _later(looked: Looked, memory: str | None, as_of: int | None) -> HTMLResponse:
    """The page that waits for the encoder."""
    with looked.view(memory, as_of) as view:
        around = frame(view, "groups", as_of)
    waits_for = "The encoder of the memory is being read."
    return page("later.html", {**around, "again": True, "what": "Groups", "status": waits_for})


def _found(
    view: View, asked: dict[str, Any], vector: Floats | None, after: str | None
) -> tuple[GroupPage, dict[str, float]]:
    """The queries of a page; those that are like a vector also have their cosines."""
    choice = GroupChoice(
        text=asked["text"],
        dataset=asked["dataset"],
        run=asked["run"],
        policy=asked["policy"],
        keep=None if asked["only"] is None else FILTERS[asked["only"]].keep,
    )
    if vector is None:
        return group_page(view, choice, cursor_in(after), SIZE), {}
    pairs = groups_like(view, choice, vector, SIZE)
    groups = tuple(group for _, group in pairs)
    found = GroupPage(groups=groups, next=None, looked_at=LOOKED_AT)
    return found, {group.query_id: cosine for cosine, group in pairs}
