"""The view of why a rollout is scored as it is."""

import threading
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from memreward.look.drawing import BOX, ROW, WIDTH, Bar, Path, path_of, waterfall
from memreward.look.filters import RIGHT
from memreward.look.pages import page
from memreward.look.request import Id, Looked, MemoryName, frame
from memstore.browse import rollout_detail

if TYPE_CHECKING:
    from gnn.jobs import NearbyExplainer


class _Explainers:
    """The explainer of the memory that was asked for last: one model is held, not many."""

    def __init__(self, looked: Looked) -> None:
        self._looked = looked
        self._last: NearbyExplainer | None = None
        self._lock = threading.Lock()

    def of(self, memory: str) -> "NearbyExplainer":
        from gnn.jobs import NearbyExplainer  # Models are imported when they are needed.

        with self._lock:
            if self._last is None or self._last.memory != memory:
                self._last = NearbyExplainer(self._looked.stores, self._looked.settings, memory)
            return self._last


def add_why(app: FastAPI, looked: Looked) -> None:
    """Add the view."""
    explainers = _Explainers(looked)

    @app.get("/why")
    def why(rollout: Id, memory: MemoryName = None) -> HTMLResponse:
        with looked.view(memory) as view:
            shown = rollout_detail(view, rollout)
            around = frame(view, "why", None)
        # Not within the view: the first time, the model and the snapshot are read.
        found = explainers.of(around["memory"]).explain(rollout)
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
