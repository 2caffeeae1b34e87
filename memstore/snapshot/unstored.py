"""A graph with rollouts added to it that are stored nowhere: for scores that leave no trace."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memstore.db import SqlSession
from memstore.similarity import nearest_to_vector
from memstore.snapshot.files import Stamp
from schema.keyed_rollout import PreparedRollout
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

#: A similarity edge to be: ids of the query that chose and of its neighbour, cosine.
Edge = tuple[str, str, float]


def nearest_unstored(
    session: SqlSession, memory: str, new: Sequence[PreparedRollout], neighbours: int
) -> list[Edge]:
    """The edges that new queries, one rollout each, would get: memory and batch considered."""
    vectors = {item.query_id: item.rollout.query_embedding for item in new}
    edges: list[Edge] = []
    for id_, vector in vectors.items():
        assert vector is not None
        candidates = nearest_to_vector(session, memory, vector, neighbours)
        candidates += [(o, _cosine(vector, v)) for o, v in vectors.items() if o != id_]
        candidates.sort(key=lambda pair: (-pair[1], pair[0]))
        edges += [(id_, other, score) for other, score in candidates[:neighbours]]
    return edges


def _cosine(a: Floats | None, b: Floats | None) -> float:
    assert a is not None and b is not None
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    return float(wide_a @ wide_b / np.sqrt((wide_a @ wide_a) * (wide_b @ wide_b)))


def with_rollouts(
    graph: MemoryGraph, items: Sequence[PreparedRollout], edges: Sequence[Edge], stamp: Stamp | None
) -> MemoryGraph:
    """`graph` with the rollouts `items`, which it lacks and which carry their embeddings.

    Args:
        graph: holds the neighbours of the new queries.
        items: rollouts, each once.
        edges: what `nearest_unstored` found; those to a query outside `graph` are left out.
        stamp: of the policy embeddings that count; others are as if not given.
    """
    if not items:
        return graph
    queries = _index(graph.query_id_Q)
    new_queries = [i for i in _firsts(items, "query_id") if i.query_id not in queries]
    queries |= {i.query_id: len(queries) + n for n, i in enumerate(new_queries)}
    pairs = {item.id: item.conclusion(graph.memory) for item in items}
    keys = dict(pair for pair in pairs.values() if pair is not None)
    conclusions = _index(graph.conclusion_id_C)
    new_conclusions = [id_ for id_ in keys if id_ not in conclusions]
    conclusions |= {id_: len(conclusions) + n for n, id_ in enumerate(new_conclusions)}
    rows = range(len(graph.rollout_id_R), len(graph.rollout_id_R) + len(items))
    concluding = [(row, p[0]) for row, i in zip(rows, items, strict=True) if (p := pairs[i.id])]
    drawn = [(queries[a], queries[b], s) for a, b, s in edges if a in queries and b in queries]
    rollouts = [item.rollout for item in items]
    own = graph.own_features_RF
    return replace(
        graph,
        query_id_Q=graph.query_id_Q + [i.query_id for i in new_queries],
        query_text_Q=graph.query_text_Q + [i.rollout.query for i in new_queries],
        dataset_Q=graph.dataset_Q + [i.rollout.dataset for i in new_queries],
        domain_Q=graph.domain_Q + [i.rollout.domain for i in new_queries],
        query_embedding_QD=_below(
            graph.query_embedding_QD, [i.rollout.query_embedding for i in new_queries]
        ),
        rollout_id_R=graph.rollout_id_R + [item.id for item in items],
        thinking_text_R=graph.thinking_text_R + [r.thinking for r in rollouts],
        answer_text_R=graph.answer_text_R + [r.answer for r in rollouts],
        policy_R=graph.policy_R + [r.policy or "" for r in rollouts],
        thinking_embedding_RD=_below(
            graph.thinking_embedding_RD, [r.thinking_embedding for r in rollouts]
        ),
        answer_embedding_RD=_below(
            graph.answer_embedding_RD, [r.answer_embedding for r in rollouts]
        ),
        completion_tokens_R=_below(
            graph.completion_tokens_R, [r.completion_tokens for r in rollouts]
        ),
        answer_given_R=_below(graph.answer_given_R, [r.answer_given for r in rollouts]),
        truncated_R=_below(graph.truncated_R, [r.truncated for r in rollouts]),
        policy_signals_R6=_below(
            graph.policy_signals_R6,
            [r.policy_signals or (np.nan,) * len(POLICY_SIGNALS) for r in rollouts],
        ),
        policy_embedding_RP=_below(
            graph.policy_embedding_RP, [_stamped(item, stamp) for item in items]
        ),
        verified_R=_below(graph.verified_R, [r.reward for r in rollouts]),
        generated_2E=_beside(
            graph.generated_2E, [(queries[i.query_id], r) for r, i in zip(rows, items, strict=True)]
        ),
        leads_to_2E=_beside(graph.leads_to_2E, [(row, row) for row in rows]),
        conclusion_id_C=graph.conclusion_id_C + new_conclusions,
        conclusion_key_C=graph.conclusion_key_C + [keys[id_] for id_ in new_conclusions],
        concludes_2E=_beside(graph.concludes_2E, [(r, conclusions[id_]) for r, id_ in concluding]),
        similar_2E=_beside(graph.similar_2E, [(a, b) for a, b, _ in drawn]),
        similar_score_E=_below(graph.similar_score_E, [score for _, _, score in drawn]),
        own_features_RF=None
        if own is None
        else np.vstack([own, np.full((len(items), own.shape[1]), np.nan, np.float32)]),
    )


def _index(ids: Sequence[str]) -> dict[str, int]:
    return {id_: row for row, id_ in enumerate(ids)}


def _firsts(items: Sequence[PreparedRollout], field: str) -> list[PreparedRollout]:
    """The first item of each value of `field`."""
    return list({getattr(item, field): item for item in reversed(items)}.values())[::-1]


def _stamped(item: PreparedRollout, stamp: Stamp | None) -> Floats:
    rollout = item.rollout
    if stamp is None:
        return np.zeros(0, np.float32)
    given = rollout.policy_embedding
    made_by = (rollout.policy or "", rollout.policy_layer or "")
    if given is None or (*made_by, len(given)) != (stamp.policy, stamp.layer, stamp.dimension):
        return np.full(stamp.dimension, np.nan, np.float32)
    return given


def _below(values: Floats, more: Sequence[object]) -> Floats:
    """Rows behind rows; None is NaN."""
    if not more:
        return values
    filled = [np.nan if value is None else value for value in more]
    rows = np.asarray(filled, dtype=np.float32).reshape(len(more), *values.shape[1:])
    return np.concatenate([values, rows])


def _beside(pairs_2E: Ints, more: Sequence[tuple[int, int]]) -> Ints:
    return np.hstack([pairs_2E, np.asarray(more, np.int64).reshape(-1, 2).T])
