"""What a rollout's score would be without some of its inputs.

Inputs are taken away as they would be absent: an edge is not there, a neighbour's label is not
known, a signal is not given. Where that cannot be, as with a text, the standardised features are 0,
which is the mean of the rollouts that were learned from.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from gnn.data import HeteroBatch, HeteroData
from gnn.explain.evidence_without import LABEL_COLUMNS, EvidenceWithout
from gnn.explain.shapley import Worths
from gnn.features import OWN_NAMES
from gnn.models.members import Tables, make_batch, rollouts_of, thinking_of_answer
from gnn.models.memreward import MemrewardModel
from schema.graph import (
    ANSWER,
    CONCLUDES,
    QUERY,
    REV_GENERATED,
    SIMILAR,
    THINKING,
    EdgeType,
)
from schema.memory_graph import Bools, Floats, Ints

#: Copies of a group that are scored at once; bounds the memory, changes no result.
COPIES_AT_ONCE: Final = 512


@dataclass(frozen=True, kw_only=True)
class Present:
    """Which inputs are there, in each of S cases."""

    text_S: Bools
    standing_S: Bools
    signals_S: Bools
    #: What the policies have proved; each known reward of the query's other rollouts.
    policies_S: Bools
    shown_SL: Bools
    #: For each other rollout of the group, in order of its row: its messages by the two paths.
    conclusion_SM: Bools
    mates_SM: Bools
    #: Mean label that each labelled neighbour shows; NaN: its edge is not there.
    label_SK: Floats

    def of(self, cases: Ints | slice) -> "Present":
        """Some of the cases."""
        return Present(**{name: value[cases] for name, value in vars(self).items()})

    def distinct(self) -> tuple[Ints, Ints]:
        """One of the cases of each kind, and for each case its kind, [S]."""
        columns = [value.reshape(len(value), -1) for value in vars(self).values()]
        table = np.hstack([np.asarray(column, np.float64) for column in columns])
        # A label is at least 0.
        table = np.nan_to_num(table, nan=-1.0)
        _, first, case_S = np.unique(table, axis=0, return_index=True, return_inverse=True)
        return first, case_S.reshape(-1)


class Removals:
    """The score of one rollout as a function of what is present."""

    def __init__(self, model: MemrewardModel, tables: Tables, rollout: int) -> None:
        """`rollout` is a row of the tables' graph, and has a query."""
        self._model = model
        #: What kind of question it is; by that it is calibrated, whatever is taken away.
        self._kind = int(tables.kind_R[rollout])
        graph = tables.graph
        query = int(tables.query_R[rollout])
        self._data = make_batch(tables, np.array([query]))
        #: Rows of the group's rollouts, in the order of the answers.
        self._group = rollouts_of(self._data)
        self._place = int(np.searchsorted(self._group, rollout))
        #: Columns that a rollout would have without a group: of its own texts.
        self._own_F = np.arange(tables.text_RF.shape[1]) < len(OWN_NAMES)
        #: Rows of the labelled neighbour queries; the query itself comes first.
        self.neighbours: Ints = self._data[QUERY].n_id.numpy()[1:]
        self.label_K: Floats = tables.label_Q[self.neighbours]
        #: Rows of the other rollouts of the group, and which of them share the conclusion.
        self.mates: Ints = self._group[self._group != rollout]
        self._evidence = EvidenceWithout(model, graph, self._group)
        labelled = self._evidence.labelled
        #: Rows of the labelled other rollouts of the group, and their places among `labelled`.
        self._others_L: Bools = self._group[labelled] != rollout
        self.labelled: Ints = self._group[labelled][self._others_L]
        own = tables.conclusion_R[rollout]
        self.agrees_M: Bools = (tables.conclusion_R[self.mates] == own) & (own >= 0)
        thinkings = self._data[THINKING]
        self.has_signals = bool(thinkings.has_signals.any() or thinkings.has_hidden.any())

    def present(self, count: int) -> Present:
        """Everything there, `count` times."""
        everybody = np.ones((count, len(self.mates)), dtype=np.bool_)
        yes_S = np.ones(count, dtype=np.bool_)
        return Present(
            text_S=yes_S,
            standing_S=yes_S,
            signals_S=yes_S,
            policies_S=yes_S,
            shown_SL=np.ones((count, len(self.labelled)), dtype=np.bool_),
            conclusion_SM=everybody,
            mates_SM=everybody,
            label_SK=np.tile(self.label_K, (count, 1)),
        )

    def __call__(self, present: Present) -> Worths:
        """Mean logit of the members and calibrated probability in each case, [S, 2]."""
        # Many cases look the same: neighbours' labels count by their mean, orders share beginnings.
        first, case_S = present.distinct()
        return self._distinct(present.of(first))[case_S]

    def _distinct(self, present: Present) -> Worths:
        parts: list[Floats] = []
        for start in range(0, len(present.text_S), COPIES_AT_ONCE):
            part = present.of(slice(start, start + COPIES_AT_ONCE))
            logit_MR = self._model.logits_of(self._copies(part))
            parts.append(logit_MR[:, self._place :: len(self._group)].mean(0))
        logit_S = np.concatenate(parts)
        kind_S = np.full(len(logit_S), self._kind)
        probability_S = self._model.calibrated(logit_S, kind_S)
        return np.column_stack([logit_S, probability_S]).astype(np.float64)

    def _copies(self, present: Present) -> HeteroData:
        """The group once for each case, with what is absent taken out."""
        count, n_queries = len(present.text_S), 1 + len(self.neighbours)
        data: Any = HeteroBatch.from_data_list([self._data] * count)
        text_S, standing_S, signals_S = (
            torch.from_numpy(there_S.astype(np.float32))
            for there_S in (present.text_S, present.standing_S, present.signals_S)
        )
        own_F = torch.from_numpy(self._own_F)
        own_SF = torch.where(own_F, text_S[:, None], standing_S[:, None])
        data[ANSWER].x[self._place :: len(self._group)] *= own_SF
        data[ANSWER].evidence = self._evidence_of(present)
        signals_R = signals_S.repeat_interleave(self._data[THINKING].num_nodes or 0)
        data[THINKING].has_signals *= signals_R
        data[THINKING].has_hidden *= signals_R
        data[QUERY].x[::n_queries] *= standing_S[:, None]
        label_SK = torch.from_numpy(2 * np.nan_to_num(present.label_SK) - 1)
        data[QUERY].label.view(count, n_queries)[:, 1:] = label_SK
        for edge, there_SE in self._edges(present).items():
            kept = torch.from_numpy(there_SE.ravel())
            data[edge].edge_index = data[edge].edge_index[:, kept]
            if edge == SIMILAR:
                data[edge].edge_attr = data[edge].edge_attr[kept]
        return data

    def _evidence_of(self, present: Present) -> Tensor:
        """The group's evidence in each case; without standing, the rollout has that of labels."""
        tables: list[Floats] = []
        for shown_L, policies, standing in zip(
            present.shown_SL, present.policies_S, present.standing_S, strict=True
        ):
            # The rollout's own reward is never seen by itself, but by its group.
            all_L = np.ones(len(self._others_L), dtype=np.bool_)
            all_L[self._others_L] = shown_L
            table = self._evidence(all_L, bool(policies))
            if not standing:
                table = table.copy()
                table[self._place, ~LABEL_COLUMNS] = 0
            tables.append(table)
        return torch.from_numpy(np.concatenate(tables))

    def _edges(self, present: Present) -> dict[EdgeType, Bools]:
        """Which edges of the group are there in each case, [S, E], where some can be absent."""
        data = self._data
        sender = {edge: data[edge].edge_index[0].numpy() for edge in data.edge_types}
        spoken_SR = np.insert(present.mates_SM, self._place, True, axis=1)
        agreeing_SR = np.insert(present.conclusion_SM, self._place, True, axis=1)
        answer_of_thinking = np.argsort(thinking_of_answer(data).numpy())
        similar_SK = ~np.isnan(present.label_SK)
        return {
            REV_GENERATED: spoken_SR[:, answer_of_thinking[sender[REV_GENERATED]]],
            CONCLUDES: agreeing_SR[:, sender[CONCLUDES]],
            SIMILAR: similar_SK[:, sender[SIMILAR] - 1],
        }
