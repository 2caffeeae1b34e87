"""Rows of a data set: the columns that TRL expects, and where each row is from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from memstore.reads import QueryGroup
from trainer.datasets.choices import (
    Difficulty,
    Pair,
    best_answers,
    difficulty,
    labelled,
    pairs,
)
from trainer.datasets.selection import JudgedRollout, Kind, Selection

Record = dict[str, Any]
Messages = list[dict[str, str]]

_MESSAGES: Final = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_QUERY: Final = (("query_id", pa.string()), ("dataset", pa.string()), ("domain", pa.string()))
_ROLLOUT: Final = (
    ("rollout_id", pa.string()),
    ("reward", pa.float64()),
    ("source", pa.string()),
    ("model", pa.string()),
    ("policy", pa.string()),
    ("run", pa.string()),
    ("step", pa.int64()),
)
_SINGLE: Final = (("prompt", _MESSAGES), ("completion", _MESSAGES))
_PAIR: Final = (
    ("prompt", _MESSAGES),
    ("chosen", _MESSAGES),
    ("rejected", _MESSAGES),
    *_QUERY,
    *((f"{side}_{name}", kind) for side in ("chosen", "rejected") for name, kind in _ROLLOUT),
)

#: Columns of each kind. TRL's RewardTrainer reads a column `margin` as part of the loss: no other
#: may have its name.
COLUMNS: Final[Mapping[Kind, pa.Schema]] = {
    Kind.SFT: pa.schema([*_SINGLE, *_QUERY, *_ROLLOUT]),
    Kind.KTO: pa.schema([*_SINGLE, ("label", pa.bool_()), *_QUERY, *_ROLLOUT]),
    Kind.DPO: pa.schema(_PAIR),
    Kind.REWARD: pa.schema(_PAIR),
    Kind.PROMPTS: pa.schema(
        [
            ("prompt", _MESSAGES),
            *_QUERY,
            ("solve_rate", pa.float64()),
            ("verified", pa.int64()),
            ("propagated", pa.int64()),
            ("rollout_ids", pa.list_(pa.string())),
        ]
    ),
}


def records(
    group: QueryGroup, prompt: Messages, judged: Sequence[JudgedRollout], selection: Selection
) -> Iterator[Record]:
    """The rows of one query.

    Args:
        group: the query.
        prompt: what it asks, as messages.
        judged: its rollouts with a reward.
        selection: which of them are taken, and for whom.
    """
    query = {"query_id": group.query_id, "dataset": group.dataset, "domain": group.domain}
    # What says nothing can be counted, and cannot be learned from.
    usable = [one for one in judged if _said(one)]
    match selection.kind:
        case Kind.SFT:
            rows = [_single(one) for one in best_answers(usable, selection)]
        case Kind.KTO:
            found = labelled(usable, selection)
            rows = [{**_single(one.judged), "label": one.right} for one in found]
        case Kind.DPO | Kind.REWARD:
            rows = [_pair(pair) for pair in pairs(usable, selection)]
        case Kind.PROMPTS:
            hard = difficulty(judged, selection)
            rows = [] if hard is None else [_prompt(hard)]
    for row in rows:
        yield {"prompt": prompt, **query, **row}


def _single(one: JudgedRollout) -> Record:
    return {"completion": _completion(one), **_provenance(one)}


def _pair(pair: Pair) -> Record:
    return {
        "chosen": _completion(pair.chosen),
        "rejected": _completion(pair.rejected),
        **_provenance(pair.chosen, "chosen_"),
        **_provenance(pair.rejected, "rejected_"),
    }


def _prompt(found: Difficulty) -> Record:
    verified = sum(one.verified for one in found.judged)
    return {
        "solve_rate": found.solve_rate,
        "verified": verified,
        "propagated": len(found.judged) - verified,
        "rollout_ids": [one.rollout.id for one in found.judged],
    }


def sources(record: Record) -> list[str]:
    """Where the rewards of a row are from: `verified`, `propagated`, or both."""
    if "solve_rate" in record:
        return [name for name in ("verified", "propagated") if record[name]]
    names = ("source", "chosen_source", "rejected_source")
    return sorted({record[name] for name in names if name in record})


def _said(one: JudgedRollout) -> str:
    """What the policy said: its thinking, then its answer."""
    parts = (one.rollout.thinking.strip(), one.rollout.answer.strip())
    return "\n\n".join(part for part in parts if part)


def _completion(one: JudgedRollout) -> Messages:
    return [{"role": "assistant", "content": _said(one)}]


def _provenance(one: JudgedRollout, prefix: str = "") -> Record:
    values = {
        "rollout_id": one.rollout.id,
        "reward": one.reward,
        "source": one.source.value,
        "model": one.model,
        "policy": one.rollout.policy,
        "run": one.rollout.run,
        "step": one.rollout.step,
    }
    return {prefix + name: value for name, value in values.items()}
