"""What a rollout's score would be without some of its inputs.

Inputs are taken away as they would be absent: an edge is not there, a neighbour's label is not
known, a signal is not given. Where that cannot be, as with a text, the standardised features are 0,
which is the mean of the rollouts that were learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from gnn.explain.evidence_without import LABEL_COLUMNS, EvidenceWithout
from gnn.explain.shapley import Worths
from gnn.features import OWN_NAMES
from gnn.models.members import BATCH_ENDS, Batch, Tables, make_batch
from gnn.models.memreward import MemrewardModel
from schema.graph import ANSWER, CONCLUDES, QUERY, REV_CONCLUDES, REV_GENERATED, SIMILAR, EdgeType
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


class Removals:
    """The score of one rollout as a function of what is present."""

    def __init__(self, model: MemrewardModel, tables: Tables, rollout: int) -> None:
        """`rollout` is a row of the tables' graph, and has a query."""
        self._model = model
        #: What kind of question it is; by that it is calibrated, whatever is taken away.
        self._kind = int(tables.kind_R[rollout])
        graph = tables.graph
        query = int(tables.query_R[rollout])
        self._batch = make_batch(tables, np.array([query]))
        self._place = int(np.searchsorted(self._batch.rollout_R, rollout))
        self._own_F = _own_columns(model.features[: tables.text_RF.shape[1]])
        chose, neighbour = graph.similar_2E
        #: Rows of the labelled neighbour queries, in the batch's order.
        self.neighbours: Ints = np.unique(
            neighbour[(chose == query) & ~np.isnan(tables.label_Q[neighbour])]
        )
        self.label_K: Floats = tables.label_Q[self.neighbours]
        #: Rows of the other rollouts of the group, and which of them share the conclusion.
        self.mates: Ints = self._batch.rollout_R[self._batch.rollout_R != rollout]
        self._evidence = EvidenceWithout(model, graph, self._batch.rollout_R)
        labelled = self._evidence.labelled
        #: Rows of the labelled other rollouts of the group, and their places among `labelled`.
        self._others_L: Bools = self._batch.rollout_R[labelled] != rollout
        self.labelled: Ints = self._batch.rollout_R[labelled][self._others_L]
        own = tables.conclusion_R[rollout]
        self.agrees_M: Bools = (tables.conclusion_R[self.mates] == own) & (own >= 0)
        self.has_signals = bool(
            (self._batch.has_signals_R.any() or self._batch.has_hidden_R.any()).item()
        )

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
        parts: list[Floats] = []
        for start in range(0, len(present.text_S), COPIES_AT_ONCE):
            part = Present(
                **{k: v[start : start + COPIES_AT_ONCE] for k, v in vars(present).items()}
            )
            logit_MR = self._model.logits_of(self._copies(part))
            parts.append(logit_MR[:, self._place :: len(self._batch.rollout_R)].mean(0))
        logit_S = np.concatenate(parts)
        kind_S = np.full(len(logit_S), self._kind)
        probability_S = self._model.calibrated(logit_S, kind_S)
        return np.column_stack([logit_S, probability_S]).astype(np.float64)

    def _copies(self, present: Present) -> Batch:
        """The group once for each case, with what is absent taken out."""
        batch, count = self._batch, len(present.text_S)
        n_rollouts = len(batch.rollout_R)
        answers = batch.x[ANSWER].repeat(count, 1)
        own_SF = np.where(self._own_F, present.text_S[:, None], present.standing_S[:, None])
        answers[self._place :: n_rollouts] *= torch.from_numpy(own_SF.astype(np.float32))
        standing_S = torch.from_numpy(present.standing_S.astype(np.float32))
        signals_R = torch.from_numpy(np.repeat(present.signals_S, n_rollouts).astype(np.float32))
        neighbours = batch.x["neighbour"].repeat(count, 1)
        neighbours[:, -1] = torch.from_numpy(2 * np.nan_to_num(present.label_SK).ravel() - 1)
        edges, kept_similar = self._edges(present)
        return Batch(
            rollout_R=np.tile(batch.rollout_R, count),
            query_R=np.repeat(np.arange(count), n_rollouts),
            x={
                ANSWER: answers,
                "evidence": self._evidence_of(present),
                "signals": batch.x["signals"].repeat(count, 1),
                "hidden": batch.x["hidden"].repeat(count, 1),
                QUERY: batch.x[QUERY].repeat(count, 1) * standing_S[:, None],
                "neighbour": neighbours,
            },
            has_signals_R=batch.has_signals_R.repeat(count) * signals_R,
            has_hidden_R=batch.has_hidden_R.repeat(count) * signals_R,
            edge_index=edges,
            cosine_E=batch.cosine_E.repeat(count, 1)[kept_similar],
            n_conclusions=batch.n_conclusions * count,
        )

    def _evidence_of(self, present: Present) -> torch.Tensor:
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

    def _edges(self, present: Present) -> tuple[dict[EdgeType, torch.Tensor], torch.Tensor]:
        """Edges of all copies, and which copies of the SIMILAR edges are there."""
        batch, count = self._batch, len(present.text_S)
        sizes = {
            "rollout": len(batch.rollout_R),
            "query": 1,
            "conclusion": batch.n_conclusions,
            "neighbour": len(self.neighbours),
        }
        itself = np.ones((count, 1), dtype=np.bool_)
        spoken_SR = np.insert(present.mates_SM, self._place, itself[:, 0], axis=1)
        agreeing_SR = np.insert(present.conclusion_SM, self._place, itself[:, 0], axis=1)
        similar_SK = ~np.isnan(present.label_SK)
        held = batch.edge_index[CONCLUDES][0].numpy()
        same = batch.edge_index[CONCLUDES][1].numpy()
        kept_S = {
            REV_GENERATED: spoken_SR,
            CONCLUDES: agreeing_SR[:, held],
            REV_CONCLUDES: np.ones((count, len(same)), dtype=np.bool_),
            SIMILAR: similar_SK[:, batch.edge_index[SIMILAR][0].numpy()],
        }
        edges = {
            edge_type: _repeated(index, count, sizes[source], sizes[target], kept_S.get(edge_type))
            for edge_type, index in batch.edge_index.items()
            for source, target in [BATCH_ENDS[edge_type]]
        }
        return edges, torch.from_numpy(kept_S[SIMILAR].ravel())


def _repeated(
    index: torch.Tensor, count: int, n_sources: int, n_targets: int, kept_SE: Bools | None
) -> torch.Tensor:
    """`count` copies of edges between as many copies of their nodes, without those not kept."""
    step = torch.arange(count)[:, None]
    both = torch.stack(
        [(index[0] + step * n_sources).ravel(), (index[1] + step * n_targets).ravel()]
    )
    return both if kept_SE is None else both[:, torch.from_numpy(kept_SE.ravel())]


def _own_columns(names: Sequence[str]) -> Bools:
    """Columns that a rollout would have without a group: of its own texts, and its cosines."""
    own = set(OWN_NAMES)
    return np.array(
        [name in own or (name.startswith("cos_") and "|" not in name) for name in names]
    )
