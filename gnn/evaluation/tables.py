"""The result of `evaluate` as tables for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnn.base import MEASURES
from gnn.evaluation.best_of import ORACLE, SIZES

#: Headings of the measures.
HEADINGS: Final[dict[str, str]] = {
    "auc": "AUROC",
    "within_query": "within query",
    "accuracy": "accuracy",
    "brier_skill": "Brier skill",
    "ece": "ECE",
}

#: Measures of which less is better.
LOWER_IS_BETTER: Final = frozenset({"ece"})

#: Columns of what a model attains where it may be silent. Risk: errors among the most confident
#: share. Right, wrong: attained precision, and the share so called, at a wanted precision of .9.
SELECTIVE_HEADINGS: Final = (
    "model",
    "AURC",
    "risk at 20 %",
    "50 %",
    "80 %",
    "100 %",
    "right, .9 wanted",
    "wrong, .9 wanted",
    "unlike",
)

BEST_OF_TITLE: Final = "the share of chosen answers that are right (regret)"


def number(row: Mapping[str, Any], measure: str) -> str:
    """A measure with its spread over seeds, or n/a."""
    value, spread = row[measure], row[f"{measure}_spread"]
    if value is None:
        return "n/a"
    return f"{value:.3f}" if spread is None else f"{value:.3f} ±{spread:.3f}"


def best_models(rows: Mapping[str, Mapping[str, Any]], measure: str) -> set[str]:
    """Models whose measure is best as shown; none where all are equal or n/a."""
    values = {
        name: round(row[measure], 3) for name, row in rows.items() if row[measure] is not None
    }
    if len(set(values.values())) < 2:
        return set()
    best = min(values.values()) if measure in LOWER_IS_BETTER else max(values.values())
    return {name for name, value in values.items() if value == best}


def parts(rows: Mapping[str, Mapping[str, Any]], by: str) -> dict[str, dict[str, Any]]:
    """Rows of each domain (`by_domain`) or dataset (`by_dataset`): part to model to row."""
    names = dict.fromkeys(name for row in rows.values() for name in row[by])
    return {
        part: {model: row[by][part] for model, row in rows.items() if part in row[by]}
        for part in names
    }


def overall_table(set_name: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row a model, the best of each measure in bold."""
    table = Table(title=f"{set_name}: {_size(rows)}", title_justify="left")
    table.add_column("model")
    for measure in MEASURES:
        table.add_column(HEADINGS[measure], justify="right")
    best = {measure: best_models(rows, measure) for measure in MEASURES}
    for model, row in rows.items():
        cells = [
            Text(_short(number(row, m)), style="bold" if model in best[m] else "") for m in MEASURES
        ]
        table.add_row(model, *cells)
    return table


def _short(figure: str) -> str:
    """`.864 ±.004`, so that all measures fit a line of 80 characters."""
    return figure.replace("0.", ".")


def selective_table(set_name: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    """Risk against coverage, and what thresholds for a precision of .9 attain; one row a model."""
    table = Table(title=f"{set_name}: answering only what is sure", title_justify="left")
    for heading in SELECTIVE_HEADINGS:
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for model, row in rows.items():
        table.add_row(model, *selective_cells(row["selective"]))
    return table


def selective_cells(found: Mapping[str, Any]) -> list[str]:
    """The cells of SELECTIVE_HEADINGS after the model's name."""
    cells = [_share(found, "aurc")]
    cells += [_share(found, f"risk_at_{coverage:g}") for coverage in (0.2, 0.5, 0.8, 1.0)]
    for side in ("right", "wrong"):
        covered = found.get(f"{side}_at_0.9_coverage")
        cells.append(
            "n/a" if covered is None else f"{_share(found, f'{side}_at_0.9')} of {covered:.0%}"
        )
    return [*cells, f"{found['unlike']:.1%}"]


def best_of_rows(found: Mapping[str, Any], *, in_parts: bool) -> Iterator[tuple[str, list[str]]]:
    """Name of a part, then cells of one chooser: its name, accuracy and regret at each of SIZES.

    Args:
        found: what `Evaluation.to_json` gave under `best_of` for a set.
        in_parts: also one part a domain.
    """
    domains = found["by_domain"] if in_parts else {}
    for part, by_size in (("all", found), *domains.items()):
        sizes = [by_size.get(str(size), {}) for size in SIZES]
        for chooser in dict.fromkeys(name for rows in sizes for name in rows):
            yield part, [chooser, *(_chosen(rows.get(chooser)) for rows in sizes)]


def _chosen(row: Mapping[str, Any] | None) -> str:
    return "n/a" if row is None else f"{row['accuracy']:.3f} ({row['regret']:.3f})"


def best_of_table(set_name: str, found: Mapping[str, Any], *, in_parts: bool) -> Table:
    """How often the answer that is chosen among 2, 4 and 8 is right, and the regret."""
    table = Table(title=f"{set_name}: {BEST_OF_TITLE}", title_justify="left")
    table.add_column("part")
    table.add_column("chosen by")
    for size in SIZES:
        table.add_column(f"best of {size}", justify="right")
    shown = ""
    for part, cells in best_of_rows(found, in_parts=in_parts):
        table.add_row("" if part == shown else part, *cells, end_section=cells[0] == ORACLE)
        shown = part
    return table


def _share(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return "n/a" if value is None else f"{value:.3f}"


def print_evaluation(
    result: Mapping[str, Any], console: Console, *, in_parts: bool = False
) -> None:
    """Print all tables, those of whole sets last, and a sentence.

    Args:
        result: what `Evaluation.to_json` gave.
        console: where to.
        in_parts: show domains and datasets, too.
    """
    for set_name, rows in result["sets"].items():
        for by in ("by_domain", "by_dataset") if in_parts else ():
            for part, part_rows in parts(rows, by).items():
                console.print(overall_table(f"{set_name}, {part}", part_rows))
        console.print(selective_table(set_name, rows))
    for set_name, found in result["best_of"].items():
        if len(found) > 1:
            console.print(best_of_table(set_name, found, in_parts=in_parts))
    for set_name, rows in result["sets"].items():
        console.print(overall_table(set_name, rows))
    console.print(
        f"{_queries(result['queries'])}; {result['seeds']} seed(s), {result['seconds']:.0f} s; "
        "mean ± standard deviation over seeds, coverage 1"
    )
    console.print(sentence(result))


def sentence(result: Mapping[str, Any]) -> str:
    """How well the first model does, and the best of the others, on the set of no choices."""
    set_name = "final" if "final" in result["sets"] else next(iter(result["sets"]))
    (own, row), *others = result["sets"][set_name].items()
    labelled = result["queries"]["labelled"]
    said = [
        f"{HEADINGS[measure]} {_figure(row, measure)}{_best_other(dict(others), measure)}"
        for measure in ("auc", "within_query")
    ]
    return (
        f"With {labelled} queries labelled, {own} on the {set_name} set has {' and '.join(said)}."
    )


def _best_other(rows: Mapping[str, Mapping[str, Any]], measure: str) -> str:
    known = {name: row[measure] for name, row in rows.items() if row[measure] is not None}
    if not known:
        return ""
    best = max(known, key=lambda name: known[name])
    return f" (best of the others: {best}, {known[best]:.3f})"


def _figure(row: Mapping[str, Any], measure: str) -> str:
    return "n/a" if row[measure] is None else f"{row[measure]:.3f}"


def _queries(counts: Mapping[str, int]) -> str:
    """How the queries with rewards were used."""
    line = f"{counts['labelled']} queries labelled, {counts['scored']} scored"
    return f"{line}, {counts['held_out']} held out and not scored" if counts["held_out"] else line


def _size(rows: Mapping[str, Mapping[str, Any]]) -> str:
    row = next(iter(rows.values()))
    return f"{row['n_queries']} queries, {row['n_rollouts']} rollouts"
