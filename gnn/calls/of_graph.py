"""The conclusions of a memory that are worth a verdict, whoever gives it."""

import numpy as np

from gnn.calls.choice import choose_calls
from gnn.calls.plan import or_agreement
from gnn.calls.revision import closed_by_domain
from schema.calls import Call, Standing
from schema.memory_graph import Floats, MemoryGraph


def suggest_calls(graph: MemoryGraph, probability_R: Floats, budget: int) -> list[Call]:
    """The verdicts worth most, best first; a call's rollout is a row of the graph.

    A forgotten rollout is none: nobody can judge it.

    Args:
        graph: with what was verified.
        probability_R: of being right, by a model that saw what was verified; NaN: no opinion.
        budget: verdicts that may be asked for.
    """
    query_R, conclusion_R = graph.query_of_rollout_R, graph.conclusion_of_rollout_R
    _, kind_Q = np.unique(np.array(graph.dataset_Q, dtype=np.str_), return_inverse=True)
    standing = Standing(
        query_R=query_R,
        conclusion_R=conclusion_R,
        probability_R=or_agreement(probability_R, query_R, conclusion_R),
        verdict_R=graph.verified_R,
        informed=not np.isnan(probability_R).any(),
        verifiable_R=~graph.forgotten_R,
        closed_Q=closed_by_domain(graph.domain_Q),
        kind_Q=kind_Q,
    )
    return choose_calls(standing, budget)
