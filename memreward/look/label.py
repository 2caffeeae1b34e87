"""The view for judging, in the name of an annotator: right or wrong, or the better one of two.

A verdict is written as `memreward label` writes it: the same again adds nothing, and a later word
of the same annotator replaces the earlier one while both stay in the history.
"""

import asyncio
from enum import StrEnum
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from memreward.look.filters import RIGHT
from memreward.look.lists import Lists
from memreward.look.pages import address, page
from memreward.look.request import Id, Looked, MemoryName, Name, form_of, frame
from memreward.look.turns import LISTED, TITLES, Queue, Turn, next_turn
from memstore.browse import RolloutDetail, rollout_detail
from memstore.changes import add_labels
from schema.errors import InputError
from schema.reward import Preference, VerifiedReward


class Judgement(StrEnum):
    """What an annotator says of one rollout."""

    RIGHT = "right"
    WRONG = "wrong"


def add_label(app: FastAPI, looked: Looked) -> None:
    """Add the view."""
    lists = Lists(looked)

    @app.get("/label")
    def ask(
        memory: MemoryName = None,
        annotator: Name = None,
        queue: Queue = Queue.UNVERIFIED,
        rollout: Id = "",
        after: Name = None,
        said: Id = "",
        again: bool = False,
    ) -> Response:
        if again and queue in LISTED:
            lists.of(looked.named(memory), LISTED[queue], again=True)
            # Not this address: the page that waits for the list opens itself again.
            here = {"memory": memory, "annotator": annotator, "queue": queue}
            return RedirectResponse(address("label", **here), 303)
        with looked.view(memory) as view:
            turn = Turn(rollouts=_ids(rollout), after=after or None)
            if annotator and not turn.rollouts:
                turn = next_turn(view, lists, queue, annotator, turn.after)
            shown = [rollout_detail(view, id_) for id_ in turn.rollouts]
            around = frame(view, "label", None)
        values = {"annotator": annotator or None, "queue": queue, "said": said or None}
        return page("label.html", {**around, **values, **_shown(turn, shown)})

    @app.post("/label")
    async def judge(request: Request) -> Response:
        form = await form_of(request)
        return await asyncio.to_thread(_write, looked, form)


def _shown(turn: Turn, rollouts: list[RolloutDetail]) -> dict[str, Any]:
    """What the page shows of a turn; one that waits for its list opens itself again."""
    more = {"queues": TITLES, "right": RIGHT}
    return {"turn": turn, "rollouts": rollouts, "again": turn.being_made, **more}


def _ids(rollouts: str) -> tuple[str, ...]:
    """One id, or two with a dot between them."""
    ids = tuple(id_ for id_ in rollouts.split(".") if id_)
    if len(ids) > 2:
        raise InputError(f"rollout={rollouts!r} names more than two: give one, or two to compare")
    return ids


def _write(looked: Looked, form: dict[str, str]) -> Response:
    """Store a judgement and go on to the next turn."""
    memory = looked.named(form.get("memory"))
    stores = looked.stores_of(memory)
    rollout, annotator = form.get("rollout", ""), form.get("annotator", "")
    ids = _ids(rollout)
    if len(ids) == 2:
        add_labels(stores, memory, [], [_preference(ids, form.get("better"), annotator)])
    else:
        add_labels(stores, memory, [_verdict(rollout, form.get("judgement"), annotator)])
    onward = address(
        "label",
        memory=memory,
        annotator=annotator,
        queue=form.get("queue") or None,
        after=form.get("after") or None,
        said=rollout,
    )
    return RedirectResponse(onward, 303)


def _verdict(rollout: str, judgement: str | None, annotator: str) -> VerifiedReward:
    try:
        value = float(Judgement(judgement or "") is Judgement.RIGHT)
    except ValueError as error:
        raise InputError("`judgement` is neither right nor wrong: nothing was stored") from error
    return VerifiedReward(rollout_id=rollout, value=value, source=annotator)


def _preference(ids: tuple[str, ...], better: str | None, annotator: str) -> Preference:
    if better not in ids:
        raise InputError("`better` is none of the two rollouts: nothing was stored")
    worse = ids[0] if better == ids[1] else ids[1]
    return Preference(better=better, worse=worse, annotator=annotator)
