"""The view of why a rollout is scored as it is."""

import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from memreward.look.drawing import BOX, ROW, WIDTH, Bar, Path, path_of, waterfall
from memreward.look.filters import RIGHT
from memreward.look.pages import page
from memreward.look.request import Id, Looked, MemoryName, frame
from memstore.browse import PATIENCE_S, begun, rollout_detail
from schema.errors import MemrewardError

if TYPE_CHECKING:
    from gnn.jobs import NearbyExplainer

#: What is said after a fault.
FAULT: Final = "the model or the snapshot could not be read: see the terminal"


class _Explainers:
    """The explainer of the memory that was asked for last: one model is held, not many."""

    def __init__(self, looked: Looked) -> None:
        self._looked = looked
        self._last: tuple[str, Future[NearbyExplainer]] | None = None
        self._lock = threading.Lock()

    def of(self, memory: str) -> "NearbyExplainer | None":
        """None: the model and the snapshot of the memory are still being read.

        Raises:
            MemrewardError: what reading them raised; the next call tries again.
        """
        with self._lock:
            if self._last is None or self._last[0] != memory:
                made = begun(partial(self._ready, memory), FAULT)
                self._last = (memory, made)
            asked = self._last
        try:
            return asked[1].result(PATIENCE_S)
        except TimeoutError:
            return None
        except MemrewardError:
            with self._lock:
                if self._last is asked:
                    self._last = None
            raise

    def _ready(self, memory: str) -> "NearbyExplainer":
        from gnn.jobs import NearbyExplainer  # Models are imported when they are needed.

        explainer = NearbyExplainer(self._looked.stores, self._looked.settings, memory)
        explainer.prepare()
        return explainer


def add_why(app: FastAPI, looked: Looked) -> None:
    """Add the view."""
    explainers = _Explainers(looked)

    @app.get("/why")
    def why(rollout: Id, memory: MemoryName = None) -> HTMLResponse:
        with looked.view(memory) as view:
            shown = rollout_detail(view, rollout)
            around = frame(view, "why", None)
        # Not within the view: the first time, the model and the snapshot are read.
        explainer = explainers.of(around["memory"])
        if explainer is None:
            return page("why_later.html", {**around, "again": True})
        found = explainer.explain(rollout)
        from gnn.explain import TITLES

        bars = [
            (bar, _path(bar, found.explanation.query))
            for bar in waterfall(found.explanation, TITLES)
        ]
        values = {"rollout": shown, "why": found, "bars": bars, "width": WIDTH, "right": RIGHT}
        sizes = {"box": BOX, "row": ROW}
        return page("why.html", {**around, **values, "sizes": sizes})


def _path(bar: Bar, query: str) -> Path | None:
    """The drawing of a bar; None: it is made of several inputs."""
    part = bar.contribution
    if part is None:
        return None
    if part.query_id is not None:
        through = part.query or "a neighbour"
    elif part.kind == "conclusion":
        through = "the same conclusion"
    else:
        through = "its group" if part.senders else "the rollout itself"
    return path_of(part, query, through)
