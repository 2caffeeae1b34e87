"""The views of runs: a list of them, and one over its steps."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, Response

from gnn.confidence import accuracy_of_sums
from memreward.look.alarms import alarms
from memreward.look.pages import page
from memreward.look.request import AsOf, Looked, MemoryName, frame
from memstore.browse import AwaitedTotals, KeptSteps, RunLine, run_lines
from schema.errors import InputError

RunName = Annotated[str, Query(max_length=1024)]


def add_runs(app: FastAPI, looked: Looked) -> None:
    """Add the views."""
    totals, kept = AwaitedTotals(looked.stores_of), KeptSteps()

    @app.get("/runs")
    def runs(memory: MemoryName = None, as_of: AsOf = None) -> HTMLResponse:
        with looked.view(memory, as_of) as view:
            lines = run_lines(view, totals.of(view))
            around = frame(view, "runs", as_of)
        return page("runs.html", {**around, **_shown(lines)})

    @app.get("/run")
    def run(run: RunName, memory: MemoryName = None, as_of: AsOf = None) -> HTMLResponse:
        with looked.view(memory, as_of) as view:
            lines = run_lines(view, totals.of(view), run)
            if not lines:
                raise InputError(f"memory {view.state.name!r} has no run {run!r} at {view.seq}")
            found = alarms(view, run, lines[0].calls)
            around = frame(view, "run", as_of)
        values = {"run": run, **_shown(lines), "alarms": found}
        return page("run.html", {**around, **values})

    @app.get("/run.svg")
    def chart(
        run: RunName, memory: MemoryName = None, as_of: AsOf = None, dark: bool = False
    ) -> Response:
        from memreward.look.drawing import run_chart  # It takes a second, and few pages need it.

        with looked.view(memory, as_of) as view:
            steps = kept.of(view, run)
        return Response(run_chart(steps, dark=dark), media_type="image/svg+xml")


def _shown(lines: list[RunLine]) -> dict[str, Any]:
    """Lines with their accuracies; a page that waits for these opens itself again."""
    pairs = [
        (line, None if line.verified is None else accuracy_of_sums(line.verified)) for line in lines
    ]
    return {"lines": pairs, "again": any(line.verified is None for line in lines)}
