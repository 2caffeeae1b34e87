"""`memreward suspects | explain`: labels that the memory contradicts; what moved a reward."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from memreward.base import (
    Excerpt,
    JsonOption,
    cell,
    connected_as_whole,
    console,
    excerpt,
    number_cell,
    one_line,
)
from memreward.cli.ingest import MemoryOption
from memstore import load_settings
from schema.errors import InputError

if TYPE_CHECKING:
    from gnn.jobs import Suspicion, Why

ModelOption = Annotated[
    str | None, typer.Option(help="Version of the checkpoint; default: the latest.")
]


#: Why a suspect's number is not what `explain` says.
UNSEEN = (
    "`memory thinks`: by the members that did not learn from the query, shown no label of it. "
    "`memreward explain` shows the score with all labels but the rollout's own."
)


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
    with connected_as_whole(memory, "suspects", settings) as (stores, shards):
        from gnn.jobs import find_suspects  # It takes seconds: servers are looked for first.

        first = memory if shards is None else shards.first.name
        found = find_suspects(stores, settings, first, limit, model, shards)
    if as_json:
        rows = [{**asdict(s), "said": found.said[s.rollout_id]} for s in found.suspects]
        sources = [asdict(source) for source in found.sources]
        console.print_data({"model": found.version, "suspects": rows, "sources": sources})
    else:
        show_suspects(found)


def show_suspects(found: "Suspicion") -> None:
    """Print the labels, then who gave them."""
    table = Table(title=f"what {found.version} contradicts most")
    for name in ("rollout", "label", "memory thinks", "conclusion", "answer", "query", "said by"):
        table.add_column(name)
    for item in found.suspects:
        table.add_row(
            _id(item.rollout_id, found.id_length),
            f"{item.reward:g}",
            number_cell(item.probability),
            excerpt(item.conclusion or ""),
            excerpt(item.answer),
            excerpt(item.query),
            cell(_who(found.said[item.rollout_id])),
        )
    console.print(table)
    other_way = sum(abs(item.reward - item.probability) > 0.5 for item in found.suspects)
    console.print(f"{other_way} of these {len(found.suspects)} lie more than .5 apart.")
    console.print(UNSEEN)
    by_source = Table()
    for name in ("who", "labels", "mean distance", "contradicted", "reliability", "verdict"):
        by_source.add_column(name)
    for source in found.sources:
        by_source.add_row(
            cell(source.name),
            str(source.labels),
            number_cell(source.contradiction),
            _share(source.contradicted),
            _share(source.reliability),
            source.verdict or "not known when the model was trained",
        )
    console.print(by_source)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def explain(
    answer: Annotated[str, typer.Argument(help="Id of the rollout; its first digits do.")],
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
    with connected_as_whole(memory, "explain", settings) as (stores, shards):
        from gnn.jobs import explain_rollout

        why = explain_rollout(
            stores,
            settings,
            memory if shards is None else shards.first.name,
            answer,
            n_influences=influences,
            version=model,
            shards=shards,
        )
    if html is not None:
        from gnn.explain import explanation_page

        html.write_text(explanation_page(why.explanation, why.influences), encoding="utf-8")
    if as_json:
        console.print_data({**asdict(why), "verified": why.verified})
        return
    show_why(why)
    if html is not None:
        console.print(f"trace: {html}", markup=False, highlight=False, soft_wrap=True)


def show_why(why: "Why") -> None:
    """Print the score, what moved it, and the labels that act on it."""
    for part in _shown(why):
        console.print(part, highlight=False)


def _shown(why: "Why") -> Iterator[str | Table]:
    found = why.explanation
    score = f"{found.probability:.3f} (logit {found.logit:+.3f})"
    yield f"{why.version} gives {found.rollout_id} {score}"
    if why.verified is not None:
        yield (
            f"its reward is verified, {why.verified:g} ({_who(why.said[found.rollout_id])}); what "
            "follows is what the model thinks of it, with the other labels of its query; "
            "`memreward suspects` asks without them"
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
        table.add_column(name)
    for item in found.contributions:
        table.add_row(
            TITLES[item.kind].partition(":")[0],
            cell(item.query_id or ""),
            _signed(item.logit),
            _signed(item.probability),
            number_cell(found.probability + item.probability_without),
            excerpt(item.query or ""),
        )
        for sender in item.senders:
            said = why.said.get(sender.rollout_id, {}) if sender.reward is not None else {}
            label = "" if sender.reward is None else f"label {sender.reward:g}, {_who(said)}"
            table.add_row(
                cell(f"  {one_line(label)}"),
                _id(sender.rollout_id, why.id_length),
                _signed(sender.logit),
                _signed(sender.probability),
                "",
                excerpt(sender.signed_answer),
            )
    return table


def _influences(why: "Why") -> Table:
    """Labels that act through the weights."""
    table = Table()
    for name in ("label", "rollout", "logit", "query"):
        table.add_column(name)
    for item in why.influences:
        table.add_row(
            cell(f"{item.reward:g}, {_who(why.said.get(item.rollout_id, {}))}"),
            _id(item.rollout_id, why.id_length),
            _signed(item.logit),
            excerpt(item.query),
        )
    return table


def _id(rollout: str, length: int) -> Text:
    """As many digits as tell it from others; all of them in a pipe."""
    return Excerpt(rollout[:length], rollout)


def _signed(value: float) -> Text:
    return Excerpt(f"{value:+.4f}", repr(value))


def _who(said: Mapping[str, float]) -> str:
    """Who says what; the value follows the name where they differ."""
    if len(set(said.values())) < 2:
        return ", ".join(said)
    return ", ".join(f"{source}: {value:g}" for source, value in said.items())
