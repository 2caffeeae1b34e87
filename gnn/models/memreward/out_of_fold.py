"""What members say of labelled rollouts of queries that they did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gnn.confidence import Calibration
from gnn.models.memreward.training import HeldLogits
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """Mean logits over the views, with one choice of the rewards in sight."""

    logit_R: Floats
    kind_R: Ints
    #: Rollouts that were asked about; the others have the logit 0.
    asked_R: Bools


class OutOfFoldLogits:
    """Gathers them member by member."""

    def __init__(self, n_rollouts: int, *, n_views: int) -> None:
        """See the class."""
        self._n_rollouts, self._n_views = n_rollouts, n_views
        #: One for each choice of the rewards in sight, in the order of ShownTables.held.
        self.tables: list[OutOfFold] = []

    def add(self, found: Sequence[HeldLogits], kinds: Sequence[Ints]) -> None:
        """What a member says, and the rollouts' kinds, [R], with each choice of rewards."""
        if not self.tables:
            self.tables = [self._empty() for _ in found]
        for table, one, kind_R in zip(self.tables, found, kinds, strict=True):
            table.logit_R[one.rows] += one.values / self._n_views
            table.kind_R[one.rows] = kind_R[one.rows]
            table.asked_R[one.rows] = True

    def _empty(self) -> OutOfFold:
        return OutOfFold(
            logit_R=np.zeros(self._n_rollouts, dtype=np.float32),
            kind_R=np.zeros(self._n_rollouts, dtype=np.int64),
            asked_R=np.zeros(self._n_rollouts, dtype=np.bool_),
        )


def calibration_of(said: Sequence[OutOfFold], graph: MemoryGraph) -> Calibration:
    """A calibration fitted to logits of all choices of rewards in sight."""
    rows = [np.flatnonzero(one.asked_R) for one in said]
    row_N = np.concatenate(rows)
    return Calibration.fit(
        np.concatenate([one.logit_R[row] for one, row in zip(said, rows, strict=True)]),
        graph.verified_R[row_N],
        graph.query_of_rollout_R[row_N],
        np.concatenate([one.kind_R[row] for one, row in zip(said, rows, strict=True)]),
    )
