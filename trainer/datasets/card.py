"""The card of a data set: a README.md whose head tells the Hugging Face libraries its files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trainer.datasets.selection import Kind, Selection
from trainer.datasets.tally import Tally
from trainer.datasets.writing import TRAIN, VALIDATION

_FOR: Final = {
    Kind.SFT: "TRL's `SFTTrainer`: prompts with the best right answer of each query",
    Kind.DPO: "TRL's `DPOTrainer`: pairs of answers to one query",
    Kind.KTO: "TRL's `KTOTrainer`: answers that are right (`label` true) or wrong",
    Kind.REWARD: "TRL's `RewardTrainer`: pairs of answers to one query",
    Kind.PROMPTS: "TRL's `GRPOTrainer` and others that sample themselves: prompts that are neither "
    "always answered right nor always wrong",
}


#: What decides first, by whether rows are pairs.
_PRECEDENCE: Final = {
    True: "stored preferences come first, then pairs of verified rewards, then of propagated ones",
    False: "a verified reward decides first, then stored preferences, then a propagated reward",
}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a data set is from."""

    memory: str
    #: Sequence number at which the memory was read.
    seq: int
    #: The command that made it.
    command: str
    version: str


def card_text(origin: Origin, selection: Selection, validation: float, tally: Tally) -> str:
    """The text of README.md."""
    lines = (
        *_head(tally),
        *_origin(origin, selection),
        *_rows(validation, tally),
        *_rewards(selection, tally),
        *_rollouts(tally),
    )
    return "\n".join(lines) + "\n"


def _head(tally: Tally) -> Iterator[str]:
    """YAML: which file is which split."""
    yield from ("---", "configs:", "- config_name: default", "  data_files:")
    for split in (TRAIN, VALIDATION):
        if tally.rows[split]:
            yield from (f"  - split: {split}", f"    path: {split}.parquet")
    yield from ("tags:", "- memreward", "- trl", "---", "")


def _origin(origin: Origin, selection: Selection) -> Iterator[str]:
    kind = selection.kind
    yield from (f"# `{kind.value}` from the memory `{origin.memory}`", "", f"For {_FOR[kind]}.", "")
    yield from ("```sh", origin.command, "```", "")
    yield f"Memory `{origin.memory}` at sequence number {origin.seq}; memreward {origin.version}."


def _rows(validation: float, tally: Tally) -> Iterator[str]:
    yield from ("", "## Rows", "", "| split | rows | queries |", "|---|---|---|")
    for split in (TRAIN, VALIDATION):
        if tally.rows[split]:
            yield f"| {split} | {tally.rows[split]} | {tally.row_queries[split]} |"
    yield ""
    yield f"The split is by a hash of the query's text: {validation:.0%} of the queries are for"
    yield "validation, and no query is in both, whichever runs asked it."


def _rewards(selection: Selection, tally: Tally) -> Iterator[str]:
    yield from ("", "## Rewards", "", "| what decided | rows |", "|---|---|")
    for source, count in sorted(tally.row_sources.items()):
        yield f"| {source} | {count} |"
    yield ""
    yield "Verified: a verifier or a person said it. Propagated: a model predicted it from"
    yield "verified rewards; it can be wrong. Preference: annotators found one answer better than"
    yield "another, whatever their rewards are."
    yield ""
    yield from (f"- {line}" for line in _thresholds(selection))
    yield f"- models: {', '.join(f'`{name}`' for name in sorted(tally.models)) or 'none'}"


def _rollouts(tally: Tally) -> Iterator[str]:
    yield from ("", "## What was read", "", "| | rollouts |", "|---|---|")
    for name, count in _read(tally):
        yield f"| {name} | {count} |"
    yield ""
    yield f"{tally.queries} queries; {tally.unreadable} of them were left out, because their"
    yield "prompts hold tools, images or calls."


def _thresholds(selection: Selection) -> Iterator[str]:
    if selection.kind.takes_preferences:
        yield _PRECEDENCE[selection.kind.takes_pairs]
    if selection.kind.takes_pairs:
        yield f"rewards of a pair differ by {selection.margin:g} or more"
    else:
        yield f"right from a reward of {selection.right_from:g}"
        yield f"wrong up to a reward of {selection.wrong_to:g}"
    most = selection.rows_a_query
    yield "rows a query: " + ("all" if most is None else f"at most {most}")
    if selection.verified_only:
        yield "propagated rewards were not used"


def _read(tally: Tally) -> Iterator[tuple[str, int]]:
    yield "verified", tally.verified
    yield "propagated", tally.propagated
    yield "abstained: the model had no opinion", tally.abstained
    yield (
        "contradicted: a verified reward of the same conclusion says otherwise",
        tally.contradicted,
    )
    yield "no reward used", tally.unscored
    yield "all", tally.rollouts
    yield "of verified and propagated, between the thresholds", tally.between
    yield "pairs with a preference", tally.preferred
    yield "pairs that annotators do not decide", tally.undecided
