"""Rollouts and scores as columns of Arrow, which actors read where they lie, without a copy."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from memstore.formats import to_row
from schema.rollout import Rollout
from schema.score import Score, ScoreSource
from schema.validation import TEXT_EMBEDDINGS

#: Columns of float32 that never become Python's numbers: they are most of a rollout's bytes.
_VECTORS: Final = (*TEXT_EMBEDDINGS, "policy_embedding")

_SCORES = pa.schema(
    [
        pa.field("rollout_id", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("model", pa.string()),
    ]
)


def rollout_table(rollouts: Sequence[Rollout]) -> pa.Table:
    """The rollouts as columns of the input format, without those that no rollout fills."""
    nothing: dict[str, Any] = dict.fromkeys(_VECTORS)
    rows = [to_row(replace(rollout, **nothing)) for rollout in rollouts]
    names = sorted({name for row in rows for name in row})
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    for name in _VECTORS:
        given = [getattr(rollout, name) for rollout in rollouts]
        if any(vector is not None for vector in given):
            columns[name] = pa.array(given, pa.list_(pa.float32()))
    return pa.table(columns)


def rows_in(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of the input format from a `rollout_table`; vectors are arrays."""
    vectors = [name for name in _VECTORS if name in table.column_names]
    rows = table.drop_columns(vectors).to_pylist()
    for name in vectors:
        column = table.column(name).combine_chunks()
        values = np.array(column.values)  # A copy, since Ray's memory cannot be written to.
        ends = column.offsets.to_numpy()
        for place, valid in enumerate(column.is_valid().to_pylist()):
            rows[place][name] = values[ends[place] : ends[place + 1]] if valid else None
    return rows


def score_table(scores: Sequence[Score]) -> pa.Table:
    """The scores as columns, in their order."""
    columns = {name: [getattr(score, name) for score in scores] for name in _SCORES.names}
    columns["source"] = [score.source.value for score in scores]
    return pa.table(columns, schema=_SCORES)


def scores_in(table: pa.Table) -> list[Score]:
    """The scores of a `score_table`."""
    return [Score(**{**row, "source": ScoreSource(row["source"])}) for row in table.to_pylist()]
