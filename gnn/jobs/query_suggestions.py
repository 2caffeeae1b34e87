"""Which queries of a memory to label next, with their rollouts."""

from dataclasses import asdict
from typing import Any

from gnn.labelling import suggest_queries
from memstore.db import Stores
from memstore.reads import chosen_queries, queries_to_choose, rollout_places


def suggest_whole_queries(stores: Stores, memory: str, budget: int) -> list[dict[str, Any]]:
    """The suggested queries of a memory, each with its reason and its rollouts.

    `query_id` is the owner's; those of several owners are divided by commas. Of the memory, what
    is held are the embeddings of its queries. Forgotten rollouts, which nobody can judge, are left
    out.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `budget` is below 1.
    """
    queries = queries_to_choose(stores, memory)
    chosen = suggest_queries(queries.embedding_QD, queries.labelled_Q, budget)
    ids = [queries.query_id_Q[item.query] for item in chosen]
    details = chosen_queries(stores, queries, ids)
    rollouts = [id_ for query in details.values() for id_ in query.rollouts]
    places = rollout_places(stores, memory, rollouts)
    found: list[dict[str, Any]] = []
    for id_, item in zip(ids, chosen, strict=True):
        if id_ not in details:
            continue
        query = details[id_]
        why = f"represents {item.stands_for}"
        if item.nearest_label is not None:
            why += f", nearest label at cosine {item.nearest_label:.2f}"
        rows = [{"rollout_id": one, **asdict(places[one])} for one in query.rollouts]
        found.append(
            {
                "query_id": ", ".join(sorted({row["query_id"] for row in rows})),
                "dataset": query.dataset,
                "why": why,
                "query": query.text,
                "rollouts": rows,
            }
        )
    return found
