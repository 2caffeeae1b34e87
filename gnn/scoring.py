"""Scores of some queries' rollouts from their neighbourhood alone, equal to a full pass."""

from dataclasses import dataclass

from gnn.kept_features import KeptFeatures
from gnn.model_base import RewardModel
from memstore.snapshot import Snapshot
from memstore.snapshot_cut import cut
from schema.memory_graph import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class LocalScores:
    """What a model says of the rollouts of some queries."""

    rollout_id_R: list[str]
    #: Probability that each is right; NaN without opinion.
    probability_R: Floats


def score_queries(
    model: RewardModel, snapshot: Snapshot, queries: Ints, features: KeptFeatures
) -> LocalScores:
    """Score all rollouts of `queries` (rows of the snapshot)."""
    part = cut(snapshot, queries, model.reach)
    graph = features.fill(part)
    probability_R = model.predict(graph, queries=part.places(queries))
    return LocalScores(rollout_id_R=graph.rollout_id_R, probability_R=probability_R)
