"""The view for judging: one rollout after another, right or wrong, in the name of an annotator.

A verdict is written as `memreward label` writes it: the same again adds nothing, and a later word
of the same annotator replaces the earlier one while both stay in the history.
"""

import asyncio
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from memreward.look.filters import FILTERS, RIGHT
from memreward.look.pages import address, page
from memreward.look.parameters import Id, MemoryName, Name, cursor_in, cursor_text
from memreward.look.request import Looked, frame
from memstore.browse import Cursor, GroupChoice, View, group_page, rollout_detail
from memstore.changes import add_labels
from schema.errors import InputError
from schema.reward import VerifiedReward

#: Largest form.
MAX_BYTES: Final = 16_384


class Judgement(StrEnum):
    """What an annotator says."""

    RIGHT = "right"
    WRONG = "wrong"


def add_label(app: FastAPI, looked: Looked) -> None:
    """Add the view."""

    @app.get("/label")
    def ask(
        memory: MemoryName = None,
        annotator: Name = None,
        rollout: Id = "",
        after: Name = None,
        said: Id = "",
    ) -> HTMLResponse:
        with looked.view(memory) as view:
            place, chosen = cursor_in(after or None), rollout or None
            if annotator and chosen is None:
                place, chosen = _next(view, place)
            shown = None if chosen is None else rollout_detail(view, chosen)
            around = frame(view, "label", None)
        values = {
            "annotator": annotator or None,
            "rollout": shown,
            "after": None if place is None else cursor_text(place),
            "said": said or None,
            "right": RIGHT,
        }
        return page("label.html", {**around, **values})

    @app.post("/label")
    async def judge(request: Request) -> Response:
        form = await _form(request)
        return await asyncio.to_thread(_write, looked, form)


def _next(view: View, after: Cursor | None) -> tuple[Cursor | None, str | None]:
    """The first rollout of the next query of which nothing is verified, and where to look on.

    None and a place: so far none was found; None and None: there is no more.
    """
    found = group_page(view, GroupChoice(keep=FILTERS["unverified"].keep), after, 1)
    ids = [group.rollouts[0].id for group in found.groups if group.rollouts]
    return found.next, ids[0] if ids else None


def _write(looked: Looked, form: dict[str, str]) -> Response:
    """Store a judgement and go on to the next rollout."""
    memory = looked.named(form.get("memory"))
    rollout, annotator = form.get("rollout", ""), form.get("annotator", "")
    try:
        judgement = Judgement(form.get("judgement", ""))
    except ValueError as error:
        raise InputError("`judgement` is neither right nor wrong: nothing was stored") from error
    value = float(judgement is Judgement.RIGHT)
    add_labels(
        looked.stores, memory, [VerifiedReward(rollout_id=rollout, value=value, source=annotator)]
    )
    onward = address(
        "label", memory=memory, annotator=annotator, after=form.get("after") or None, said=rollout
    )
    return RedirectResponse(onward, 303)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        InputError: if it is too large, or no text.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise InputError(f"the form has more than {MAX_BYTES:,} bytes: nothing was stored")
    try:
        fields = parse_qs(body.decode(), errors="strict", max_num_fields=20)
    except ValueError as error:
        raise InputError("the form cannot be read: nothing was stored") from error
    return {name: values[-1] for name, values in fields.items()}
