"""The conclusions of a memory that are worth a verdict, whoever gives it."""

import numpy as np

from gnn.calls.choice import choose_calls
from gnn.calls.plan import agreement
from gnn.calls.revision import closed_by_domain
from schema.calls import Call, Standing
from schema.memory_graph import Floats, MemoryGraph


def suggest_calls(graph: MemoryGraph, probability_R: Floats, budget: int) -> list[Call]:
    """The verdicts worth most, best first; a call's rollout is a row of the graph.

    Args:
        graph: with what was verified.
        probability_R: of being right, by a model that saw what was verified; NaN: no opinion.
        budget: verdicts that may be asked for.
    """
    query_R, conclusion_R = graph.query_of_rollout_R, graph.conclusion_of_rollout_R
    unsaid_R = np.isnan(probability_R)
    datasets = sorted(set(graph.dataset_Q))
    standing = Standing(
        query_R=query_R,
        conclusion_R=conclusion_R,
        probability_R=np.where(unsaid_R, agreement(query_R, conclusion_R), probability_R),
        verdict_R=graph.verified_R,
        informed=not unsaid_R.any(),
        closed_Q=closed_by_domain(graph.domain_Q),
        kind_Q=np.array([datasets.index(name) for name in graph.dataset_Q], dtype=np.int64),
    )
    return choose_calls(standing, budget)
