"""Rollouts and scores as columns of Arrow, which actors read where they lie, without a copy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa

from schema.errors import InputError
from schema.keyed_rollout import Keys, PreparedRollout
from schema.rollout import Rollout
from schema.score import Score, ScoreSource
from schema.validation import TEXT_EMBEDDINGS, check_rollout

_TEXT, _WHOLE, _REAL, _TRUTH = pa.string(), pa.int64(), pa.float64(), pa.bool_()
#: Columns of float32 that never become Python's numbers: they are most of a rollout's bytes.
_VECTORS: Final = (*TEXT_EMBEDDINGS, "policy_embedding")
#: Types of the other fields of a rollout.
_FIELDS: Final[Mapping[str, pa.DataType]] = MappingProxyType(
    dict.fromkeys(
        (
            *("query", "answer", "thinking", "source_query_id", "dataset", "domain", "policy"),
            *("checkpoint", "finish_reason", "policy_layer", "encoder"),
        ),
        _TEXT,
    )
    | dict.fromkeys(("step", "place", "completion_tokens"), _WHOLE)
    | dict.fromkeys(("answer_given", "truncated"), _TRUTH)
    | {"reward": _REAL, "policy_signals": pa.list_(_REAL)}
)
#: Types of values that columns hold as they are; values of others are looked at, one by one.
_USUAL: Final = {_TEXT: (str,), _WHOLE: (int,), _REAL: (float,), _TRUTH: (bool,)}
#: Fields that may be None.
_OPTIONAL: Final = frozenset(field.name for field in fields(Rollout) if field.default is None)
#: What the scorer has found out of a rollout: its ids, and its conclusion's key where it was read.
_IDS: Final = ("id", "query_id", "content_hash")
_KEY, _IS_READ = "key", "key_read"

_SCORES = pa.schema(
    [
        pa.field("rollout_id", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("model", pa.string()),
    ]
)


def rollout_table(rollouts: Sequence[Rollout], dimension: int) -> pa.Table:
    """The rollouts as columns, without those that no rollout fills.

    Raises:
        InputError: if one holds what a column cannot, or would hold as something else (true as
            1.0); the memory's scorer checks the rest. The text embeddings have `dimension` numbers.
    """
    if not all(_is_usual(rollouts, name) for name in _FIELDS):
        _check(rollouts, dimension)
    try:
        return pa.table(_columns(rollouts))
    except (pa.ArrowException, UnicodeError, TypeError, ValueError):
        _check(rollouts, dimension)
        raise


def rollouts_in(table: pa.Table) -> list[Rollout]:
    """The rollouts of a `rollout_table`, as unchecked as they were."""
    names = [name for name in table.column_names if name in _FIELDS]
    columns = {name: _values(table.column(name)) for name in names}
    if "policy_signals" in columns:
        given = columns["policy_signals"]
        columns["policy_signals"] = [None if one is None else tuple(one) for one in given]
    for name in _VECTORS:
        if name in table.column_names:
            columns[name] = _vectors(table.column(name))
    rows = zip(*columns.values(), strict=True)
    return [Rollout(**dict(zip(columns, row, strict=True))) for row in rows]


def prepared_table(items: Sequence[PreparedRollout], keys: Keys) -> pa.Table:
    """Checked rollouts with their ids, and with the conclusions that were read."""
    columns = _columns([item.rollout for item in items])
    for name in _IDS:
        columns[name] = pa.array([getattr(item, name) for item in items], _TEXT)
    columns[_KEY] = pa.array([keys.get(item.id) for item in items], _TEXT)
    columns[_IS_READ] = pa.array([item.id in keys for item in items], _TRUTH)
    return pa.table(columns)


def prepared_in(table: pa.Table) -> tuple[list[PreparedRollout], Keys]:
    """What a `prepared_table` was made of."""
    ids = [_values(table.column(name)) for name in _IDS]
    items = [
        PreparedRollout(rollout=rollout, id=id_, query_id=query, content_hash=content)
        for rollout, id_, query, content in zip(rollouts_in(table), *ids, strict=True)
    ]
    read = zip(items, _values(table.column(_KEY)), _values(table.column(_IS_READ)), strict=True)
    return items, {item.id: key for item, key, is_read in read if is_read}


def score_table(scores: Sequence[Score]) -> pa.Table:
    """The scores as columns, in their order."""
    columns = {name: [getattr(score, name) for score in scores] for name in _SCORES.names}
    columns["source"] = [score.source.value for score in scores]
    return pa.table(columns, schema=_SCORES)


def scores_in(table: pa.Table) -> list[Score]:
    """The scores of a `score_table`."""
    return [Score(**{**row, "source": ScoreSource(row["source"])}) for row in table.to_pylist()]


def _is_usual(rollouts: Sequence[Rollout], name: str) -> bool:
    """Whether a column holds the field's values as they are."""
    values = [getattr(rollout, name) for rollout in rollouts]
    kind = _FIELDS[name]
    if name == "policy_signals":
        kind, values = _REAL, [one for given in values if given is not None for one in given]
    absent = (type(None),) if name in _OPTIONAL else ()
    return {*map(type, values)} <= {*_USUAL[kind], *absent}


def _check(rollouts: Sequence[Rollout], dimension: int) -> None:
    for row, rollout in enumerate(rollouts):
        try:
            check_rollout(rollout, dimension)
        except InputError as error:
            raise InputError(f"rollout {row} of {len(rollouts)}: {error}") from error


def _columns(rollouts: Sequence[Rollout]) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    for name, kind in _FIELDS.items():
        values = [getattr(rollout, name) for rollout in rollouts]
        if any(value is not None for value in values):
            columns[name] = pa.array(values, kind)
    for name in _VECTORS:
        given = [getattr(rollout, name) for rollout in rollouts]
        if any(vector is not None for vector in given):
            columns[name] = _vector_array(given)
    return columns


def _vector_array(given: Sequence[Any]) -> pa.Array:
    """Vectors of float32 end to end, None where there is none."""
    lengths = [0 if vector is None else len(vector) for vector in given]
    ends = np.cumsum([0, *lengths], dtype=np.int32)
    values = np.concatenate([vector for vector in given if vector is not None])
    flat = pa.array(np.asarray(values, np.float32))
    missing = pa.array([vector is None for vector in given])
    return pa.ListArray.from_arrays(pa.array(ends), flat, mask=missing)


def _vectors(column: pa.ChunkedArray) -> list[Any]:
    one = column.combine_chunks()
    values = np.array(one.values)  # A copy, since Ray's memory cannot be written to.
    ends = one.offsets.to_numpy().tolist()
    valid: Iterable[bool] = one.is_valid().to_numpy(zero_copy_only=False).tolist()
    return [
        values[ends[place] : ends[place + 1]] if is_given else None
        for place, is_given in enumerate(valid)
    ]


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The column as Python's values, by way of numpy where that keeps them: it is much faster."""
    if column.type in (_TEXT, _TRUTH) or (
        column.null_count == 0 and column.type in (_WHOLE, _REAL)
    ):
        return column.to_numpy().tolist()
    return column.to_pylist()
