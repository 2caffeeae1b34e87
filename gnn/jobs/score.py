"""Scores of some queries' rollouts from their neighbourhood alone, equal to a full pass."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from gnn.base import RewardModel
from gnn.confidence import Caution, Opinions, certainty, opinions_of
from gnn.features import KeptFeatures
from memstore.snapshot import Snapshot, cut
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach

#: What an opinion depends on in any case: see `gnn.confidence.novelty.Novelty`.
_LEAST_REACH: Final = Reach(hops=1, labelled_only=True)


def opinion_reach(model: RewardModel) -> Reach:
    """How far an opinion of `model` looks: as far as the model, at least at labelled neighbours."""
    return model.reach if model.reach.hops else _LEAST_REACH


def opinions_on(
    model: RewardModel, caution: Caution | None, graph: MemoryGraph, queries: Ints | None = None
) -> Opinions:
    """What `model` says of the rollouts of `queries` (rows of `graph`), of all with None.

    Without `caution`, whatever the model gives a value has an opinion. What is said of rollouts of
    other queries means nothing.
    """
    value_R = model.predict(graph, queries=queries)
    if caution is not None:
        return opinions_of(value_R, caution, graph)
    return Opinions(
        value_R=value_R,
        confidence_R=certainty(value_R),
        no_opinion_R=np.isnan(value_R),
        unlike_R=np.zeros(len(value_R), dtype=np.bool_),
    )


def score_queries(
    model: RewardModel,
    caution: Caution | None,
    snapshot: Snapshot,
    queries: Ints,
    features: KeptFeatures,
    made: Mapping[str, Floats] = MappingProxyType({}),
) -> tuple[list[str], Opinions]:
    """Ids of the rollouts near `queries` (rows of the snapshot), and what is said of them.

    `made` has own features by rollout id, computed already. See `opinions_on`: what is said counts
    for the rollouts of `queries`.
    """
    part = cut(snapshot, queries, opinion_reach(model))
    graph = features.fill(part, made)
    return graph.rollout_id_R, opinions_on(model, caution, graph, part.places(queries))
