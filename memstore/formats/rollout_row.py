"""A row of the input format as a checked rollout, whatever it came in; and a rollout as a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from memstore.encoders import DEFAULT_DIMENSION, DEFAULT_ENCODER
from memstore.formats import convert
from memstore.formats.columns import KNOWN_COLUMNS
from memstore.mapping import AS_GIVEN, RewardReading, RowMapping
from schema.errors import InputError
from schema.input_columns import INPUT_COLUMNS
from schema.messages import query_text
from schema.rollout import POLICY_SIGNALS, Rollout
from schema.validation import TEXT_EMBEDDINGS, check_integer, check_rollout, check_text

#: Given a source query's id and a step: the place of a rollout that does not name its own.
NextPlace = Callable[[str, int], int]

#: Fields that depend on several columns, or on what the row does not say.
_TOGETHER: Final = frozenset(
    ("query", "source_query_id", "step", "place", "thinking", "answer", "encoder", *TEXT_EMBEDDINGS)
)
#: The others, by column, with their field.
_ALONE: Final = {
    column.name: (column, column.field)
    for column in INPUT_COLUMNS
    if column.field and column.field not in _TOGETHER
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """What the files do not say of themselves."""

    #: Policy of the rows that name none.
    policy: str | None = None
    #: What made the text embeddings of the rows that name no encoder.
    file_encoder: str = DEFAULT_ENCODER
    #: The memory's encoder and its dimension; embeddings of another encoder are left out.
    encoder: str = DEFAULT_ENCODER
    dimension: int = DEFAULT_DIMENSION
    #: Which of `answer` and `completion` counts where a row has both; None: such a row is refused.
    prefer: Literal["answer", "completion"] | None = None
    #: Where the columns are in files that have others; None: files have them.
    mapping: RowMapping | None = None
    reward: RewardReading = AS_GIVEN


def rollout_of(values: Mapping[str, Any], options: ReadOptions, next_place: NextPlace) -> Rollout:
    """The rollout that a row of the input format holds.

    Args:
        values: by column; null is not given, and unknown columns are left alone.
        options: what the row does not say of itself; embeddings of another encoder than the
            memory's are left out.
        next_place: asked even for rows that are refused later, so that the rows after a mended one
            keep their places.

    Raises:
        InputError: naming the column, what is wrong with it and what to do.
    """
    values = {
        name: value for name, value in values.items() if value is not None and name in KNOWN_COLUMNS
    }
    if isinstance(values.get("query"), list):
        values["query"] = query_text(values["query"])
    fields = {**_place(values, next_place), "policy": options.policy}
    if "reward" in values:
        reward = options.reward.of(values.pop("reward"))
        values |= {} if reward is None else {"reward": reward}
    fields |= convert.texts(values, options.prefer)
    fields |= convert.policy_signals(values)
    fields |= _embeddings(values, options)
    for name, value in values.items():
        if name in _ALONE:
            column, field = _ALONE[name]
            fields[field] = convert.converted(column, value)
    rollout = Rollout(**fields)
    check_rollout(rollout, options.dimension)
    return rollout


def to_row(rollout: Rollout) -> dict[str, Any]:
    """A rollout as a row of the input format that JSON can hold; `rollout_of` gives it back."""
    values = {
        column.name: getattr(rollout, column.field) for column in INPUT_COLUMNS if column.field
    }
    if rollout.policy_signals is not None:
        values |= dict(zip(POLICY_SIGNALS, rollout.policy_signals, strict=True))
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in values.items()
        if value is not None
    }


def _place(values: dict[str, Any], next_place: NextPlace) -> dict[str, Any]:
    """Query, step and sample number of the rollout; counted where the row does not give them."""
    if "query" not in values:
        raise InputError("`query` is missing: give the text that the policy was asked")
    check_text(values["query"], "query")
    source = convert.source_query_id(values)
    check_text(source, "query_id")
    step = convert.whole(values.get("step", 0))
    check_integer(step, "step")
    given = "rollout" in values
    place = convert.whole(values["rollout"]) if given else next_place(source, step)
    return {"query": values["query"], "source_query_id": source, "step": step, "place": place}


def _embeddings(values: dict[str, Any], options: ReadOptions) -> dict[str, Any]:
    given = [name for name in TEXT_EMBEDDINGS if name in values]
    if not given:
        return {}
    encoder = values.get("encoder", options.file_encoder)
    check_text(encoder, "encoder")
    if encoder != options.encoder:
        return {}
    vectors = {name: convert.vector(values[name], name) for name in given}
    return {"encoder": encoder, **vectors}
