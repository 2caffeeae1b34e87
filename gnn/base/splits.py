"""Splits, always by query: rollouts of one query are never on both sides."""

from typing import Final

import numpy as np

from schema.errors import TrainingError
from schema.ids import text_fraction
from schema.memory_graph import Bools, Ints, MemoryGraph

#: Share of queries that are never labelled and scored only when the choices have been made.
FINAL_SHARE: Final = 0.30

#: Share of the labelled queries that choose when training stops.
VALIDATION_SHARE: Final = 0.20


def is_final(query_text: str) -> bool:
    """Whether a query belongs to the `final` set, by its text alone."""
    return text_fraction(query_text, "final") < FINAL_SHARE


def final_queries(graph: MemoryGraph) -> Bools:
    """Queries of the `final` set, shape [Q]."""
    return np.array([is_final(text) for text in graph.query_text_Q], dtype=np.bool_)


def train_validation(graph: MemoryGraph, labelled_R: Bools, *, seed: int) -> tuple[Ints, Ints]:
    """Divide the queries of the rollouts `labelled_R` by a hash of their text and `seed`.

    Returns:
        Query rows to learn from, and query rows that choose when to stop; both ascending.

    Raises:
        TrainingError: with fewer than two labelled queries.
    """
    query_of_rollout_R = graph.query_of_rollout_R
    queries = np.unique(query_of_rollout_R[labelled_R & (query_of_rollout_R >= 0)])
    if len(queries) < 2:
        raise TrainingError(
            f"memory {graph.memory!r} has {len(queries)} labelled queries: training needs at "
            "least two, one to learn from and one to stop by; label more"
        )
    rank = [text_fraction(graph.query_text_Q[q], f"validation-{seed}") for q in queries]
    n_validation = max(1, round(VALIDATION_SHARE * len(queries)))
    order = np.argsort(rank, kind="stable")
    return np.sort(queries[order[n_validation:]]), np.sort(queries[order[:n_validation]])
