"""The evidence of one query's rollouts, had less been verified or the policies been unknown."""

from dataclasses import replace
from typing import Final

import numpy as np

from gnn.evidence import EVIDENCE_NAMES, part_of
from gnn.models.memreward import MemrewardModel
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Numbers that only rewards of the same query give.
LABEL_COLUMNS: Final[Bools] = np.array(
    [
        name.startswith(("same_", "query_", "others_", "another_", "open_"))
        or name in ("policy_here", "words_right", "words_wrong", "words_verdict")
        for name in EVIDENCE_NAMES
    ]
)


class EvidenceWithout:
    """Standardised evidence of a query's rollouts, each case computed once."""

    def __init__(self, model: MemrewardModel, graph: MemoryGraph, rollouts: Ints) -> None:
        """`rollouts` are all of one query's, ascending rows of the graph."""
        self._model = model
        self._graph = part_of(graph, rollouts)
        self._cases: dict[bytes, Floats] = {}

    @property
    def labelled(self) -> Ints:
        """Places of the rollouts whose reward is known."""
        return np.flatnonzero(self._graph.labelled_R)

    def __call__(self, shown_L: Bools, policies: bool) -> Floats:
        """The evidence where only some rewards are shown, and the policies known or not, [R, E]."""
        case = shown_L.tobytes() + bytes([policies])
        if case not in self._cases:
            reward_R = self._graph.verified_R.copy()
            reward_R[self.labelled[~shown_L]] = np.nan
            graph = replace(self._graph, verified_R=reward_R)
            self._cases[case] = self._model.evidence(graph, policies=policies)
        return self._cases[case]
