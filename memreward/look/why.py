"""The view of why a rollout is scored as it is."""

import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from memreward.look.drawing import BOX, ROW, WIDTH, Bar, Path, path_of, waterfall
from memreward.look.filters import RIGHT
from memreward.look.pages import page
from memreward.look.request import Id, Looked, MemoryName, frame
from memstore.browse import PATIENCE_S, LastKept, begun, rollout_detail

if TYPE_CHECKING:
    from gnn.jobs import NearbyExplainer, Why

#: What is said after a fault.
FAULT: Final = "the score could not be explained: see the terminal"
#: What is said meanwhile.
WAITS_FOR: Final = (
    "What moved this score is being computed; the first time, the model and the snapshot of the "
    "memory are read before."
)
#: Explanations that are kept.
KEPT: Final = 64
#: An explanation is shown for so long, though newer batches came: pages that wait come for it.
KEPT_S: Final = 10.0


class _Asked:
    """An explanation that was asked for."""

    def __init__(self, seq: int, found: "Future[Why]") -> None:
        #: It knows this batch, at least.
        self.seq = seq
        self.found = found
        #: When it was there, or could not be made.
        self._done_s: float | None = None
        found.add_done_callback(self._done)

    def _done(self, _: "Future[Why]") -> None:
        self._done_s = time.monotonic()

    def outdated(self, seq: int) -> bool:
        """Whether to ask anew, with the memory at batch `seq`."""
        if self._done_s is None:
            return False
        long_ago = time.monotonic() - self._done_s > KEPT_S
        if self.found.exception() is not None:
            return long_ago or seq > self.seq
        return long_ago and seq > self.seq


class _Explanations:
    """What was explained last, and the explainer of the memory that was asked for last."""

    def __init__(self, looked: Looked) -> None:
        self._looked = looked
        self._last: NearbyExplainer | None = None
        self._asked: LastKept[tuple[str, str], _Asked] = LastKept(KEPT)
        self._lock = threading.Lock()

    def of(self, memory: str, rollout: str, seq: int) -> "tuple[Why, int] | None":
        """Why a rollout is scored so, and the batch that it knows; None: it is being made.

        Args:
            memory: whose rollout.
            rollout: its id.
            seq: last batch of the memory.

        Raises:
            MemrewardError: what making it raised; a later call tries again.
        """
        with self._lock:
            asked = self._asked.get((memory, rollout))
            if asked is None or asked.outdated(seq):
                asked = _Asked(seq, begun(partial(self._explain, memory, rollout), FAULT))
                self._asked.put((memory, rollout), asked)
        try:
            return asked.found.result(PATIENCE_S), asked.seq
        except TimeoutError:
            return None

    def _explain(self, memory: str, rollout: str) -> "Why":
        return self._explainer(memory).explain(rollout)

    def _explainer(self, memory: str) -> "NearbyExplainer":
        """One model is held, not many."""
        from gnn.jobs import NearbyExplainer  # Models are imported when they are needed.

        with self._lock:
            if self._last is None or self._last.memory != memory:
                stores = self._looked.stores_of(memory)
                self._last = NearbyExplainer(stores, self._looked.settings, memory)
            return self._last


def add_why(app: FastAPI, looked: Looked) -> None:
    """Add the view."""
    explanations = _Explanations(looked)

    @app.get("/why")
    def why(rollout: Id, memory: MemoryName = None) -> HTMLResponse:
        with looked.view(memory) as view:
            shown = rollout_detail(view, rollout)
            around = frame(view, "why", None)
        # Not within the view: it takes seconds.
        made = explanations.of(around["memory"], rollout, around["seq"])
        if made is None:
            return page("later.html", {**around, "again": True, "what": "Why", "status": WAITS_FOR})
        found, known = made
        from gnn.explain import TITLES

        bars = [
            (bar, _path(bar, found.explanation.query))
            for bar in waterfall(found.explanation, TITLES)
        ]
        values = {"rollout": shown, "why": found, "bars": bars, "width": WIDTH, "right": RIGHT}
        values |= {"known": known}
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
