"""Rollouts and scores as columns of Arrow, which actors read where they lie, without a copy."""

from collections.abc import Sequence

import pyarrow as pa

from memstore.formats import to_row
from schema.rollout import Rollout
from schema.score import Score, ScoreSource

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
    rows = [to_row(rollout) for rollout in rollouts]
    names = sorted({name for row in rows for name in row})
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def score_table(scores: Sequence[Score]) -> pa.Table:
    """The scores as columns, in their order."""
    columns = {name: [getattr(score, name) for score in scores] for name in _SCORES.names}
    columns["source"] = [score.source.value for score in scores]
    return pa.table(columns, schema=_SCORES)


def scores_in(table: pa.Table) -> list[Score]:
    """The scores of a `score_table`."""
    return [Score(**{**row, "source": ScoreSource(row["source"])}) for row in table.to_pylist()]
