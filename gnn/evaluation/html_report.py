"""The result of `evaluate` as one HTML page that needs no other file and no network."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from gnn.base import MEASURES, page_style
from gnn.evaluation.best_of import SIZES
from gnn.evaluation.figures import (
    coverage_figure,
    dataset_figure,
    reliability_figure,
    roc_figure,
    save_summary_figure,
)
from gnn.evaluation.protocol import Evaluation
from gnn.evaluation.tables import (
    HEADINGS,
    SELECTIVE_HEADINGS,
    best_models,
    best_of_rows,
    number,
    parts,
    selective_cells,
    sentence,
)
from memstore import write_atomically
from schema.errors import InputError

PAGE_NAME: Final = "report.html"
PICTURE_NAME: Final = "result.png"
#: How a table of numbers begins; it may be wider than the page.
TABLE: Final = '<div class="wide"><table class="figures">'

SELECTIVE_NOTE: Final = """<p>Risk: share of errors at .5 among the most confident rollouts; AURC:
its mean over all coverages. Right, wrong: precision attained, and share of all rollouts so called,
by thresholds for a precision of .9 that were fitted on held-out labels. Unlike: share of rollouts
whose queries are unlike anything labelled, where propagation gives no opinion; nothing else here
leaves them out.</p>"""


BEST_OF_NOTE: Final = """<p>Of N rollouts of a query the one with the highest reward is chosen: how
often it is right, and in brackets the regret, how much more often the best possible choice (oracle)
is. Mean over all subsets of N (256 drawn ones where there are more), queries and seeds; ties are
split evenly. Majority: the most frequent conclusion among the N. Rewards are those of the whole
group, also where N is smaller.</p>"""


def write_report(evaluation: Evaluation, folder: Path, made: Sequence[str] = ()) -> Path:
    """Write `report.html`, and `result.png` for its first set, into `folder`, made if need be.

    Args:
        evaluation: what is shown.
        folder: where to.
        made: lines on how it was made: files, command, version, date.

    Returns:
        The page's path.

    Raises:
        InputError: if it cannot be written.
    """
    path = folder / PAGE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, report_page(evaluation, made))
        save_summary_figure(evaluation.to_json(), evaluation.set_names[0], folder / PICTURE_NAME)
    except OSError as error:
        raise InputError(
            f"cannot write the report {path} ({error.strerror}): name another folder"
        ) from error
    return path


def report_page(evaluation: Evaluation, made: Sequence[str] = ()) -> str:
    """The page: for each set the table, ROC, reliability, coverage, and a picture by dataset.

    Args:
        evaluation: what is shown.
        made: lines on how it was made.
    """
    result = evaluation.to_json()
    counts = result["queries"]
    memory = escape(evaluation.graph.memory)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>memreward evaluation: {memory}</title><style>{page_style()}</style></head>",
            '<body class="report">',
            "<h1>memreward evaluation</h1>",
            *(f"<p><code>{escape(line)}</code></p>" for line in made),
            f"<p>Memory <b>{memory}</b> at sequence number {evaluation.graph.seq}. "
            f"{result['labels']:.3g} of the queries labelled: {counts['labelled']} labelled, "
            f"{counts['scored']} scored, {counts['held_out']} held out and not scored; "
            f"{result['seeds']} seed(s), "
            f"{result['seconds']:.0f} s. Mean ± sample standard deviation over seeds, at coverage "
            "1. Within query: share of pairs of one query with different rewards that are ranked "
            "right. Brier skill: against the constant base rate of the set itself. ECE: 15 "
            "equal-width bins. n/a: not defined, as with one class only.</p>",
            *(
                line
                for name, rows in result["sets"].items()
                for line in _section(evaluation, name, rows, result["best_of"][name])
            ),
            f"<p><b>{escape(sentence(result))}</b></p>",
            "</body></html>",
        ]
    )


def _section(
    evaluation: Evaluation,
    set_name: str,
    rows: Mapping[str, Mapping[str, Any]],
    best_of: Mapping[str, Any],
) -> Iterator[str]:
    """Everything about one set."""
    size = next(iter(rows.values()))
    yield f"<h2>{escape(set_name)}</h2>"
    yield f"<p>{size['n_queries']} queries, {size['n_rollouts']} rollouts.</p>"
    yield _table(rows)
    yield _picture(roc_figure(evaluation, set_name), "ROC: mean and spread over seeds.")
    yield _picture(
        reliability_figure(evaluation, set_name),
        "Reliability: observed against predicted in 15 bins, over seeds; below, rollouts a bin.",
    )
    yield _picture(
        coverage_figure(evaluation, set_name),
        "Selective risk: errors when only the most confident rollouts are answered, over seeds.",
    )
    yield "<h3>Answering only what is sure</h3>"
    yield SELECTIVE_NOTE
    yield _selective_table(rows)
    yield "<h3>Best of N</h3>"
    yield BEST_OF_NOTE
    yield _best_of_table(best_of)
    for measure in ("auc", "within_query"):
        heading = HEADINGS[measure]
        yield _picture(dataset_figure(rows, measure, heading), f"{heading} by dataset.")
    for title, by in (("By domain", "by_domain"), ("By dataset", "by_dataset")):
        yield f"<details><summary>{title}</summary>"
        for part, part_rows in parts(rows, by).items():
            yield f"<h4>{escape(part)}</h4>{_table(part_rows)}"
        yield "</details>"


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """One row a model, the best of each measure in bold."""
    head = "".join(f"<th>{escape(HEADINGS[m])}</th>" for m in MEASURES)
    best = {measure: best_models(rows, measure) for measure in MEASURES}
    lines = [f"{TABLE}<tr><th>model</th>{head}</tr>"]
    for model, row in rows.items():
        cells = "".join(
            f"<td{' class=best' if model in best[m] else ''}>{number(row, m)}</td>"
            for m in MEASURES
        )
        lines.append(f"<tr><td>{escape(model)}</td>{cells}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _selective_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """What each model attains where it may be silent; one row a model."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in SELECTIVE_HEADINGS)
    lines = [f"{TABLE}<tr>{head}</tr>"]
    for model, row in rows.items():
        cells = (model, *selective_cells(row["selective"]))
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table></div>"])


def _best_of_table(found: Mapping[str, Any]) -> str:
    """How often the answer that is chosen among 2, 4 and 8 is right; one row a chooser and part."""
    heads = ("part", "chosen by", *(f"best of {size}" for size in SIZES))
    lines = [f"{TABLE}<tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"]
    for part, cells in best_of_rows(found, in_parts=True):
        shown = "".join(f"<td>{escape(cell)}</td>" for cell in (part, *cells))
        lines.append(f"<tr>{shown}</tr>")
    return "\n".join([*lines, "</table></div>"])


def _picture(figure: Figure, caption: str) -> str:
    """The figure as an inline PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
