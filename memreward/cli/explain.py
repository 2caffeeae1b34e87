"""`memreward suspects | explain`: labels that the memory contradicts; what moved a reward."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from memreward.base import cell, connected, console
from memreward.cli.ingest import MemoryOption
from memstore import load_settings
from schema.errors import InputError

if TYPE_CHECKING:
    from gnn.jobs import Why

ModelOption = Annotated[
    str | None, typer.Option(help="Version of the checkpoint; default: the latest.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Characters of a text in a table.
SHOWN = 60


def suspects(
    memory: MemoryOption,
    limit: Annotated[int, typer.Option(min=1, help="How many labels to list.")] = 20,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the verified rewards that the memory contradicts most, and who gave them.

    Each label is judged by parts of the model that did not learn from it. The list of sources has
    those first that contradicted the others most when the model was trained.
    """
    settings = load_settings()
    with connected(settings) as stores:
        from gnn.jobs import find_suspects  # It takes seconds: servers are looked for first.

        found = find_suspects(stores, settings, memory, limit, model)
    if as_json:
        rows = [{**asdict(s), "said": found.said[s.rollout_id]} for s in found.suspects]
        sources = [asdict(source) for source in found.sources]
        console.print_data({"model": found.version, "suspects": rows, "sources": sources})
        return
    table = Table(title=f"what {found.version} contradicts most", title_justify="left")
    for name in ("answer", "label", "memory thinks", "who says it", "query"):
        table.add_column(name, overflow="fold" if name == "answer" else "ellipsis")
    for item in found.suspects:
        _add(
            table,
            item.rollout_id,
            f"{item.reward:g}",
            f"{item.probability:.3f}",
            _who(found.said[item.rollout_id]),
            item.query,
        )
    console.print(table)
    by_source = Table()
    for name in ("who", "labels", "mean distance", "contradicted", "reliability", "verdict"):
        by_source.add_column(name)
    for source in found.sources:
        _add(
            by_source,
            source.name,
            str(source.labels),
            f"{source.contradiction:.3f}",
            _share(source.contradicted),
            _share(source.reliability),
            source.verdict or "not known when the model was trained",
        )
    console.print(by_source)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def explain(
    answer: Annotated[str, typer.Argument(help="Id of the answer (the rollout).")],
    memory: MemoryOption,
    html: Annotated[Path | None, typer.Option(help="File for a page with the trace drawn.")] = None,
    influences: Annotated[
        int, typer.Option(min=0, help="How many labels to list that act through the weights.")
    ] = 5,
    model: ModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what moved the score of an answer, by which paths, and by how much.

    The contributions add up to the score's change when all these inputs are taken away.
    """
    settings = load_settings()
    if html is not None and not html.absolute().parent.is_dir():
        raise InputError(f"{html}: its folder does not exist; make it first")
    with connected(settings) as stores:
        from gnn.jobs import explain_rollout

        why = explain_rollout(
            stores, settings, memory, answer, n_influences=influences, version=model
        )
    if html is not None:
        from gnn.explain import explanation_page

        html.write_text(explanation_page(why.explanation, why.influences), encoding="utf-8")
    if as_json:
        console.print_data({**asdict(why), "verified": why.verified})
        return
    for part in _shown(why):
        console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))
    if html is not None:
        console.print(f"trace: {html}", markup=False, highlight=False, soft_wrap=True)


def _shown(why: "Why") -> Iterator[str | Table]:
    found = why.explanation
    score = f"{found.probability:.3f} (logit {found.logit:+.3f})"
    yield f"{why.version} gives {found.rollout_id} {score}"
    if why.verified is not None:
        yield (
            f"its reward is verified, {why.verified:g} ({_who(why.said[found.rollout_id])}); what "
            "follows is what the model thinks of it"
        )
    yield (
        f"without all of the inputs below: {found.baseline_probability:.3f} (logit "
        f"{found.baseline_logit:+.3f}); they add up to the difference"
    )
    yield _contributions(why)
    if why.influences:
        yield "labels that act most through the weights of the model's linear part, on its logit:"
        yield _influences(why)


def _contributions(why: "Why") -> Table:
    """What each input moved, and within it each answer that sent something."""
    from gnn.explain import TITLES

    found = why.explanation
    table = Table()
    for name in ("input", "by", "logit", "probability", "without it", "text"):
        table.add_column(name, overflow="fold" if name == "by" else "ellipsis")
    for item in found.contributions:
        _add(
            table,
            TITLES[item.kind].partition(":")[0],
            item.query_id or "",
            f"{item.logit:+.4f}",
            f"{item.probability:+.4f}",
            f"{found.probability + item.probability_without:.3f}",
            item.query or "",
        )
        for sender in item.senders:
            said = why.said.get(sender.rollout_id, {}) if sender.reward is not None else {}
            label = "" if sender.reward is None else f"label {sender.reward:g}, {_who(said)}"
            _add(
                table,
                f"  {label}",
                sender.rollout_id,
                f"{sender.logit:+.4f}",
                f"{sender.probability:+.4f}",
                "",
                sender.signed_answer,
            )
    return table


def _influences(why: "Why") -> Table:
    """Labels that act through the weights."""
    table = Table()
    for name in ("label", "answer", "logit", "query"):
        table.add_column(name, overflow="fold" if name == "answer" else "ellipsis")
    for item in why.influences:
        label = f"{item.reward:g}, {_who(why.said.get(item.rollout_id, {}))}"
        _add(table, label, item.rollout_id, f"{item.logit:+.4f}", item.query)
    return table


def _who(said: Mapping[str, float]) -> str:
    """Who says what; the value follows the name where they differ."""
    if len(set(said.values())) < 2:
        return ", ".join(said)
    return ", ".join(f"{source}: {value:g}" for source, value in said.items())


def _add(table: Table, *cells: str) -> None:
    """A row of plain texts, each on one line."""
    lines = (cell if cell.startswith("  ") else " ".join(cell.split()) for cell in cells)
    table.add_row(*(cell(ln if len(ln) <= SHOWN else f"{ln[: SHOWN - 1]}…") for ln in lines))
