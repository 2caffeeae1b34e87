"""A comparison as a page that needs no other file, and as a table for LaTeX (booktabs)."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from gnn.base import page_style
from gnn.evaluation import TABLE
from memreward.runs.comparison_table import (
    ArmResult,
    cells,
    drift_cells,
    interval_cells,
    quality_cells,
    shown,
    span,
)
from memstore import write_atomically

#: What LaTeX reads as something else.
_ESCAPES: Final = str.maketrans(
    {
        **{char: f"\\{char}" for char in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
    }
)
_NOTE: Final = """Mean ± sample standard deviation over seeds. Intervals: the middle 95 % by
bootstrap over seeds and held-out queries, that of a share from mean gains; the least visible
difference is what a comparison of this size would show in four of five repetitions."""


def write_page(results: Sequence[ArmResult], made: Sequence[str], folder: Path) -> None:
    """Write `comparison.html`, with the picture `curves.png` of the folder, and `comparison.tex`.

    Args:
        results: a line an arm.
        made: lines on how it was made, such as the command.
        folder: of the comparison.
    """
    picture = (folder / "curves.png").read_bytes()
    write_atomically(folder / "comparison.html", page(results, made, picture))
    write_atomically(folder / "comparison.tex", latex(results))


def page(results: Sequence[ArmResult], made: Sequence[str], picture: bytes) -> str:
    """The page: the picture, the comparison, intervals, and the quality of the rewards."""
    encoded = b64encode(picture).decode()
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>memreward comparison</title><style>{page_style()}</style></head>",
            '<body class="report">',
            "<h1>memreward comparison</h1>",
            *(f"<p><code>{escape(line)}</code></p>" for line in made),
            f'<figure><img src="data:image/png;base64,{encoded}" alt="Accuracy by step"></figure>',
            _html(*cells(results)),
            _html(*interval_cells(results)),
            _html(*quality_cells(results)),
            _html(*drift_cells(results)),
            f"<p>{_NOTE}</p>",
            "</body></html>",
        ]
    )


def latex(results: Sequence[ArmResult]) -> str:
    """The table: a line an arm, with intervals, what it spent, and how long it took."""
    titles = ["arm", "budget", "seeds", "before", "after", "95\\,\\% interval"]
    titles += ["share of the oracle's gain", "95\\,\\% interval"]
    titles += ["queries labelled", "verifier calls", "seconds"]
    rows = [
        [
            result.arm.value,
            result.budget,
            str(result.seeds),
            *(shown(*result.measures[name]) for name in ("before", "after")),
            "n/a" if result.intervals is None else span(result.intervals.after),
            shown(*result.measures["share"]),
            "n/a" if result.intervals is None else span(result.intervals.share),
            *(_count(result, name) for name in ("labels", "calls", "seconds")),
        ]
        for result in results
    ]
    lines = [" & ".join(cell.translate(_ESCAPES) for cell in row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            rf"\begin{{tabular}}{{ll{'r' * (len(titles) - 2)}}}",
            r"\toprule",
            " & ".join(titles) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _count(result: ArmResult, name: str) -> str:
    mean = result.measures[name][0]
    return "n/a" if mean is None else f"{mean:.0f}"


def _html(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"{TABLE}<tr>{head}</tr>{body}</table></div>"
