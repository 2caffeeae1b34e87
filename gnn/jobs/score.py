"""Predictions for some queries' rollouts from their neighbourhood alone, equal to a full pass."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gnn.base import RewardModel
from gnn.confidence import AbstentionPolicy, Predictions, predict
from gnn.features import KeptFeatures
from memstore.snapshot import Snapshot, cut
from schema.memory_graph import Floats, Ints
from schema.score import Reach

#: What a prediction depends on in any case: see `gnn.confidence.novelty.Novelty`.
_LEAST_REACH: Final = Reach(hops=1, labelled_only=True)


def prediction_reach(model: RewardModel) -> Reach:
    """How far a prediction looks: as far as the model, at least at labelled neighbours."""
    if model.reach.hops:
        return model.reach
    return replace(_LEAST_REACH, text_embeddings=model.reach.text_embeddings)


def predict_queries(
    model: RewardModel,
    policy: AbstentionPolicy | None,
    snapshot: Snapshot,
    queries: Ints,
    features: KeptFeatures,
    made: Mapping[str, Floats] = MappingProxyType({}),
) -> Predictions:
    """Predictions near `queries` (rows of the snapshot); they count for the queries' own rollouts.

    `made` has own features by rollout id, computed already.
    """
    part = cut(snapshot, queries, prediction_reach(model))
    graph = features.fill(part, made)
    return predict(model, policy, graph, queries=part.rows_of(queries))
