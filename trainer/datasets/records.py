"""Rows of a data set: the columns that TRL expects, and where each row is from."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from memstore.reads import QueryGroup, StoredRollout
from trainer.datasets.choices import (
    Difficulty,
    LabelledRollout,
    Pair,
    all_pairs,
    best_answers,
    difficulty,
    labelled,
)
from trainer.datasets.preferred import PreferredPair
from trainer.datasets.selection import JudgedRollout, Judgement, Kind, Selection

Record = dict[str, Any]
Messages = list[dict[str, str]]

#: Source of a row that stored preferences decide.
PREFERENCE: Final = "preference"

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
    ("source", pa.string()),
    ("annotators", pa.list_(pa.string())),
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
    group: QueryGroup, prompt: Messages, found: Judgement, selection: Selection
) -> Iterator[Record]:
    """The rows of one query.

    Args:
        group: the query.
        prompt: what it asks, as messages.
        found: its rollouts with a reward, and its preferences.
        selection: which of them are taken, and for whom.
    """
    query = {"query_id": group.query_id, "dataset": group.dataset, "domain": group.domain}
    # What says nothing can be counted, and cannot be learned from.
    usable = [one for one in found.judged if _said(one.rollout)]
    preferred = [pair for pair in found.preferred if _teaches(pair)]
    match selection.kind:
        case Kind.SFT:
            rows = [_single(one) for one in best_answers(usable, selection)]
        case Kind.KTO:
            rows = [_labelled(one) for one in labelled(usable, selection, preferred)]
        case Kind.DPO | Kind.REWARD:
            chosen, by_reward = all_pairs(usable, preferred, selection)
            judged = {one.rollout.id: one for one in found.judged}
            rows = [_preferred(pair, judged) for pair in chosen] + [_pair(p) for p in by_reward]
        case Kind.PROMPTS:
            hard = difficulty(found.judged, selection)
            rows = [] if hard is None else [_prompt(hard)]
    for row in rows:
        yield {"prompt": prompt, **query, **row}


def _single(one: JudgedRollout) -> Record:
    return {"completion": _completion(one.rollout), **_provenance(one.rollout, one)}


def _labelled(one: LabelledRollout) -> Record:
    row = {"completion": _completion(one.rollout), **_provenance(one.rollout, one.judged)}
    return {**row, "label": one.right, "source": row["source"] or PREFERENCE}


def _pair(pair: Pair) -> Record:
    judged = {one.rollout.id: one for one in (pair.chosen, pair.rejected)}
    source = " and ".join(sorted({one.source.value for one in judged.values()}))
    return _sides(pair.chosen.rollout, pair.rejected.rollout, judged) | {"source": source}


def _preferred(pair: PreferredPair, judged: Mapping[str, JudgedRollout]) -> Record:
    said = {"source": PREFERENCE, "annotators": list(pair.annotators)}
    return _sides(pair.better, pair.worse, judged) | said


def _sides(
    chosen: StoredRollout, rejected: StoredRollout, judged: Mapping[str, JudgedRollout]
) -> Record:
    return {
        "chosen": _completion(chosen),
        "rejected": _completion(rejected),
        **_provenance(chosen, judged.get(chosen.id), "chosen_"),
        **_provenance(rejected, judged.get(rejected.id), "rejected_"),
    }


def _prompt(found: Difficulty) -> Record:
    verified = sum(one.verified for one in found.judged)
    return {
        "solve_rate": found.solve_rate,
        "verified": verified,
        "propagated": len(found.judged) - verified,
        "rollout_ids": [one.rollout.id for one in found.judged],
    }


def source_of(record: Record) -> str:
    """What decided about a row: `verified`, `propagated`, both, or `preference`."""
    if "solve_rate" in record:
        return " and ".join(name for name in ("propagated", "verified") if record[name])
    return record["source"]


def _said(rollout: StoredRollout) -> str:
    """What the policy said: its thinking, then its answer; nothing where that is forgotten."""
    if rollout.forgotten:
        return ""
    parts = (rollout.thinking.strip(), rollout.answer.strip())
    return "\n\n".join(part for part in parts if part)


def _teaches(pair: PreferredPair) -> bool:
    """Whether both rollouts say something, and not the same."""
    better, worse = _said(pair.better), _said(pair.worse)
    return bool(better and worse) and better != worse


def _completion(rollout: StoredRollout) -> Messages:
    return [{"role": "assistant", "content": _said(rollout)}]


def _provenance(rollout: StoredRollout, judged: JudgedRollout | None, prefix: str = "") -> Record:
    values = {
        "rollout_id": rollout.id,
        "reward": None if judged is None else judged.reward,
        "source": None if judged is None else judged.source.value,
        "model": None if judged is None else judged.model,
        "policy": rollout.policy,
        "run": rollout.run,
        "step": rollout.step,
    }
    return {prefix + name: value for name, value in values.items()}
