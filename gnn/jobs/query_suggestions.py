"""Which queries of a memory to label next, with their rollouts."""

from dataclasses import asdict
from typing import Any

import numpy as np

from gnn.labelling import suggest_queries
from memstore.db import Stores
from memstore.reads import rollout_places
from schema.memory_graph import MemoryGraph


def suggest_whole_queries(stores: Stores, graph: MemoryGraph, budget: int) -> list[dict[str, Any]]:
    """The suggested queries of a memory, each with its reason and its rollouts.

    `query_id` is the owner's; those of several owners are divided by commas.

    Raises:
        InputError: if `budget` is below 1.
    """
    query_R = graph.query_of_rollout_R
    labelled_Q = np.zeros(len(graph.query_id_Q), dtype=np.bool_)
    labelled_Q[query_R[graph.labelled_R & (query_R >= 0)]] = True
    chosen = suggest_queries(graph.query_embedding_QD, labelled_Q, budget)
    rollouts_of = {
        item.query: [graph.rollout_id_R[row] for row in np.flatnonzero(query_R == item.query)]
        for item in chosen
    }
    every = [id_ for rollouts in rollouts_of.values() for id_ in rollouts]
    places = rollout_places(stores, graph.memory, every)
    found: list[dict[str, Any]] = []
    for item in chosen:
        why = f"represents {item.stands_for}"
        if item.nearest_label is not None:
            why += f", nearest label at cosine {item.nearest_label:.2f}"
        rollouts = rollouts_of[item.query]
        found.append(
            {
                "query_id": ", ".join(sorted({places[id_].query_id for id_ in rollouts})),
                "dataset": graph.dataset_Q[item.query],
                "why": why,
                "query": graph.query_text_Q[item.query],
                "rollouts": [{"rollout_id": id_, **asdict(places[id_])} for id_ in rollouts],
            }
        )
    return found
