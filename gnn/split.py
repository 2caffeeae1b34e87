"""Splits, always by query: rollouts of one query never stand on both sides."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schema.errors import InputError, TrainingError
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


def choose_labelled(
    query_texts: Sequence[str], datasets: Sequence[str], *, share: float, seed: int
) -> Bools:
    """Choose `share` of each dataset's queries for labelling, none of them in `final`.

    Args:
        query_texts: texts, one a query.
        datasets: their datasets, aligned.
        share: share of all of a dataset's queries, in (0, 1].
        seed: another seed chooses others.

    Returns:
        Mask aligned with `query_texts`; it depends on the texts, not on their order.

    Raises:
        InputError: if `share` is outside (0, 1] or asks for more than is left beside `final`.
    """
    if not 0 < share <= 1:
        raise InputError(f"the share of labelled queries is {share}: give one in (0, 1]")
    rank = np.array([text_fraction(text, f"label-{seed}") for text in query_texts])
    open_ = np.array([not is_final(text) for text in query_texts], dtype=np.bool_)
    dataset = np.array(datasets)
    chosen = np.zeros(len(query_texts), dtype=np.bool_)
    for name in sorted(set(datasets)):
        candidates = np.flatnonzero((dataset == name) & open_)
        wanted = max(1, round(share * int((dataset == name).sum())))
        if wanted > len(candidates):
            raise InputError(
                f"dataset {name!r}: {wanted} queries were to be labelled, but {len(candidates)} "
                f"are left beside the final set: lower the share of {share}"
            )
        chosen[candidates[np.argsort(rank[candidates])][:wanted]] = True
    return chosen


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
