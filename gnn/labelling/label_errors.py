"""What a model thinks of a label that it did not learn from: no label judges itself."""

from dataclasses import dataclass, replace

import numpy as np

from gnn.models.members import label_means, rollouts_of
from gnn.models.memreward import MemrewardModel
from schema.memory_graph import Bools, Floats, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A verified reward that the memory contradicts."""

    rollout_id: str
    reward: float
    #: What the rest of the memory thinks.
    probability: float
    #: Distance of the two, in [0, 1].
    contradiction: float
    query: str
    #: Key of what the answer concludes; None: none was read.
    conclusion: str | None
    answer: str


def predict_unseen(model: MemrewardModel, graph: MemoryGraph) -> Floats:
    """Probability that each rollout is right by the members that did not learn from its query, [R].

    The members see no reward of the query itself: a source that is wrong on one rollout may be
    wrong on all of them.

    A query that no member learned from is in some part of each division as well, so that as many
    members look at it as at any other. What did look at these labels: the calibration (a rising
    curve), and the epoch at which a member stopped. NaN where a rollout has no query.

    Raises:
        TrainingError: if the model was not fitted.
    """
    hidden = replace(graph, verified_R=np.full_like(graph.verified_R, np.nan))
    tables = model.tables(hidden)
    tables = tables.with_labels(label_means(model.trust.believed(graph), tables.query_R))
    probability_R = np.full(len(graph.rollout_id_R), np.nan, dtype=np.float32)
    for data, logit_MR in model.member_logits(tables):
        rows = rollouts_of(data)
        texts = [graph.query_text_Q[query] for query in tables.query_R[rows]]
        part_VR = np.stack([division.part_of(texts) for division in model.divisions.values()])
        logit_VPR = logit_MR.reshape(len(part_VR), -1, logit_MR.shape[1])
        unseen_VR = np.take_along_axis(logit_VPR, part_VR[:, None], axis=1)[:, 0]
        kind_R = tables.kind_R[rows]
        probability_R[rows] = model.calibrated(unseen_VR.mean(0), kind_R)
    return probability_R


def contradiction(graph: MemoryGraph, unseen_R: Floats) -> tuple[Floats, Bools]:
    """Distance of each verified reward from what the others think, and where there is one: [R]."""
    known_R = graph.labelled_R & ~np.isnan(unseen_R)
    return np.where(known_R, np.abs(graph.verified_R - unseen_R), 0.0).astype(np.float32), known_R


def suspects(graph: MemoryGraph, unseen_R: Floats, limit: int) -> list[Suspect]:
    """The `limit` verified rewards that `unseen_R` contradicts most, the worst first."""
    distance_R, known_R = contradiction(graph, unseen_R)
    rows = np.flatnonzero(known_R)
    conclusion_R = graph.conclusion_of_rollout_R
    keys = [*graph.conclusion_key_C, None]
    order = rows[np.argsort(-distance_R[rows], kind="stable")][:limit]
    return [
        Suspect(
            rollout_id=graph.rollout_id_R[row],
            reward=float(graph.verified_R[row]),
            probability=float(unseen_R[row]),
            contradiction=float(distance_R[row]),
            query=graph.query_text_Q[graph.query_of_rollout_R[row]],
            conclusion=keys[conclusion_R[row]],
            answer=graph.answer_text_R[row],
        )
        for row in order
    ]
