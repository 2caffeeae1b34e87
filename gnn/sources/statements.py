"""Who says what of which rollout."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.reward import SAME_CONCLUSION


@dataclass(frozen=True, kw_only=True)
class Statements:
    """What each source said last of each rollout (_W), of rollouts that have a query.

    A verdict that was taken over from another rollout is no statement: nobody made it.
    """

    #: Rows of the graph's `source_name_S` and of its rollouts.
    source_W: Ints
    rollout_W: Ints
    reward_W: Floats

    @classmethod
    def of(cls, graph: MemoryGraph) -> Self:
        """All statements of a graph.

        A rollout of which one source spoke has its verified reward; of others `said_2W` has all.
        One whose verified reward is hidden has none. The source is -1 where none is named.
        """
        told_W = graph.labelled_R[graph.said_2W[1]]
        said_2W, said_reward_W = graph.said_2W[:, told_W], graph.said_reward_W[told_W]
        several_R = np.zeros(len(graph.rollout_id_R), dtype=np.bool_)
        several_R[said_2W[1]] = True
        single = np.flatnonzero(graph.labelled_R & ~several_R)
        source_W = np.concatenate([graph.source_of_rollout_R[single], said_2W[0]])
        rollout_W = np.concatenate([single, said_2W[1]])
        reward_W = np.concatenate([graph.verified_R[single], said_reward_W])
        nobody = _row(graph, SAME_CONCLUSION)
        placed_W = (graph.query_of_rollout_R[rollout_W] >= 0) & (source_W != nobody)
        order = np.lexsort((source_W, rollout_W))
        order = order[placed_W[order]]
        return cls(source_W=source_W[order], rollout_W=rollout_W[order], reward_W=reward_W[order])

    def where(self, chosen_W: Bools) -> "Statements":
        """Some of them."""
        return Statements(**{name: value[chosen_W] for name, value in vars(self).items()})

    def rewards(self, n_rollouts: int) -> Floats:
        """Mean of what is said of each rollout, [R], float32; NaN where nothing is."""
        count_R = np.bincount(self.rollout_W, minlength=n_rollouts)
        total_R = np.bincount(self.rollout_W, weights=self.reward_W, minlength=n_rollouts)
        mean_R = total_R / np.maximum(count_R, 1)
        return np.where(count_R > 0, mean_R, np.nan).astype(np.float32)


def _row(graph: MemoryGraph, source: str) -> int:
    """Row of a source; -2, which nobody has, where there is none."""
    names = graph.source_name_S
    return names.index(source) if source in names else -2


def taken_over(graph: MemoryGraph) -> Bools:
    """Which verified rewards were taken over from another rollout that concludes the same, [R]."""
    return graph.labelled_R & (graph.source_of_rollout_R == _row(graph, SAME_CONCLUSION))
