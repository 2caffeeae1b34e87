"""An explanation as one HTML page with a drawn trace; it needs no other file and no network."""

from collections.abc import Sequence
from html import escape
from typing import Final

from gnn.base import page_style
from gnn.explain.attribution import TITLES, Contribution, Explanation
from gnn.explain.influence import Influence

WIDTH: Final = 1040
ROW: Final = 58
BOX: Final = 300
#: Characters of a text that are shown in a box of the drawing, and in a table.
IN_BOX, IN_TABLE = 44, 300


def explanation_page(found: Explanation, learned: Sequence[Influence] = ()) -> str:
    """The page; every text of the memory is escaped."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(found.rollout_id)}</title><style>{page_style()}</style>"
        '<body class="report">'
        f"<h1>Why {found.probability:.3f}?</h1>"
        f"<p>Answer <code>{escape(found.rollout_id)}</code> to <q>{_cut(found.query, IN_TABLE)}"
        f"</q>:</p><p><q>{_cut(found.answer, IN_TABLE)}</q></p>"
        f"<p>Without any of the inputs below the score would be "
        f"{found.baseline_probability:.3f} (logit {found.baseline_logit:+.3f}); with all of them "
        f"it is {found.probability:.3f} (logit {found.logit:+.3f}). The contributions add up to "
        "the difference, in logit and in probability.</p>"
        f"{_drawing(found)}<h2>Contributions</h2>{_contributions(found)}"
        f"<h2>Through the weights</h2>{_influences(learned)}</html>\n"
    )


def _drawing(found: Explanation) -> str:
    """Labelled neighbours to the query to the answer; what else reaches the answer."""
    neighbours = [item for item in found.contributions if item.kind == "neighbour"]
    others = [item for item in found.contributions if item.kind != "neighbour"]
    height = ROW * max(len(neighbours), len(others) + 1, 3) + 30
    middle, right = (WIDTH - BOX) // 2, WIDTH - BOX
    query_y = 20 + ROW // 2
    parts = [
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {height}" width="100%" role="img" '
        'aria-label="Inputs and how much each moved the score">'
    ]
    total = sum(item.logit for item in neighbours)
    for place, item in enumerate(neighbours):
        y = 20 + place * ROW
        parts += [
            _line(BOX, y + ROW // 3, middle, query_y, item.logit),
            _box(0, y, _cut(item.query or "", IN_BOX), _said(item)),
        ]
    if neighbours:
        parts.append(_line(middle + BOX, query_y, right, query_y, total))
    note = f"{total:+.3f} by {len(neighbours)} labelled neighbours" if neighbours else ""
    parts.append(_box(middle, 20, _cut(found.query, IN_BOX), note))
    for place, item in enumerate(others, start=1):
        y = 20 + place * ROW
        parts += [
            _line(middle + BOX, y + ROW // 3, right, query_y, item.logit),
            _box(middle, y, _cut(TITLES[item.kind].partition(":")[0], IN_BOX), _said(item)),
        ]
    score = f"{found.probability:.3f} (logit {found.logit:+.3f})"
    return "".join([*parts, _box(right, 20, _cut(found.answer, IN_BOX), score), "</svg></div>"])


def _said(item: Contribution) -> str:
    """A contribution in a box's second line."""
    known = [sender.reward for sender in item.senders if sender.reward is not None]
    if not known:
        count = f", {len(item.senders)} answers" if item.senders else ""
        return f"{item.logit:+.3f}{count}"
    mean = sum(known) / len(known)
    return f"{item.logit:+.3f}, {len(known)} labels of mean {mean:.2f}, cosine {item.cosine:.2f}"


def _line(x: int, y: int, to_x: int, to_y: int, logit: float) -> str:
    width = min(10.0, 1 + 12 * abs(logit))
    direction = "up" if logit > 0 else "down"
    bend = (x + to_x) // 2
    return (
        f'<path d="M{x} {y} C{bend} {y} {bend} {to_y} {to_x} {to_y}" '
        f'class="{direction}" stroke-width="{width:.1f}"/>'
    )


def _box(x: int, y: int, title: str, note: str) -> str:
    """A box; `title` and `note` are escaped already or made of numbers."""
    return (
        f'<rect x="{x}" y="{y}" width="{BOX}" height="{ROW - 16}" rx="5"/>'
        f'<text x="{x + 8}" y="{y + 17}">{title}</text>'
        f'<text x="{x + 8}" y="{y + 34}" fill-opacity=".7">{note}</text>'
    )


def _contributions(found: Explanation) -> str:
    rows: list[str] = []
    for item in found.contributions:
        what = TITLES[item.kind]
        text = "" if item.query is None else f"{item.query_id}: {item.query}"
        rows.append(
            _row(
                [what, text],
                [
                    f"{item.logit:+.4f}",
                    f"{item.probability:+.4f}",
                    f"{found.logit + item.logit_without:+.4f}",
                    f"{found.probability + item.probability_without:.4f}",
                ],
            )
        )
        for sender in item.senders:
            said = "" if sender.reward is None else f"label {sender.reward:g}, "
            rows.append(
                _row(
                    [f"{said}{sender.rollout_id}", sender.signed_answer],
                    [f"{sender.logit:+.4f}", f"{sender.probability:+.4f}", "", ""],
                    "sender",
                )
            )
    head = ("input", "", "logit", "probability", "logit without it", "probability without it")
    return _table(head, rows)


def _influences(learned: Sequence[Influence]) -> str:
    if not learned:
        return "<p>Not looked at.</p>"
    rows = [
        _row(
            [f"label {item.reward:g}, {item.rollout_id}", item.query, item.answer],
            [f"{item.logit:+.4f}"],
        )
        for item in learned
    ]
    return (
        "<p>Labels from which the linear part of the model learned, and about how much higher or "
        "lower each makes its logit. This is not part of the contributions above.</p>"
        + _table(("label", "query", "answer", "logit"), rows)
    )


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f'<div class="wide"><table><tr>{titles}</tr>{"".join(rows)}</table></div>'


def _row(texts: Sequence[str], numbers: Sequence[str], kind: str = "") -> str:
    cells = "".join(f'<td class="text">{_cut(text, IN_TABLE)}</td>' for text in texts)
    cells += "".join(f'<td class="n">{escape(number)}</td>' for number in numbers)
    return f'<tr class="{kind}">{cells}</tr>'


def _cut(text: str, length: int) -> str:
    """The beginning of a text on one line, escaped."""
    line = " ".join(text.split())
    return escape(line if len(line) <= length else f"{line[: length - 1]}…")
