"""A graph with rollouts added to it that are stored nowhere: for scores that leave no trace."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from memstore.db import SqlSession, VectorStore
from memstore.outbox import FILE_SOURCE
from memstore.similarity import nearest_to_vector
from memstore.snapshot.files import EDGES, ROLLOUT, Stamp
from schema.graph import CONCLUSION, POLICY, QUERY, STORED_EDGES
from schema.keyed_rollout import PreparedRollout
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

#: A similarity edge to be: ids of the query that chose and of its neighbour, cosine.
Edge = tuple[str, str, float]


def nearest_unstored(
    places: Sequence[tuple[VectorStore, str]], new: Sequence[PreparedRollout], neighbours: int
) -> list[Edge]:
    """The edges that new queries, one rollout each, would get: memory and batch considered.

    Args:
        places: Postgres and name of the memory, or of each of its shards.
        new: rollouts of queries that it does not hold.
        neighbours: edges a query.
    """
    if not new:
        return []
    with ExitStack() as stack:
        sessions = [
            (stack.enter_context(vectors.transaction("outbox.sql")), name)
            for vectors, name in places
        ]
        return _nearest(sessions, new, neighbours)


def _nearest(
    sessions: Sequence[tuple[SqlSession, str]], new: Sequence[PreparedRollout], neighbours: int
) -> list[Edge]:
    vectors = {item.query_id: item.rollout.query_embedding for item in new}
    edges: list[Edge] = []
    for id_, vector in vectors.items():
        assert vector is not None
        candidates = [
            found
            for session, memory in sessions
            for found in nearest_to_vector(session, memory, vector, neighbours)
        ]
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
    index = {
        QUERY: _index(graph.query_id_Q),
        ROLLOUT: _index(graph.rollout_id_R),
        CONCLUSION: _index(graph.conclusion_id_C),
        POLICY: _index(graph.policy_name_U),
    }
    queries = [item for item in _firsts(items) if item.query_id not in index[QUERY]]
    pairs = [item.conclusion(graph.memory) for item in items]
    keys = {id_: key for id_, key in filter(None, pairs) if id_ not in index[CONCLUSION]}
    named = dict.fromkeys(item.rollout.policy for item in items if item.rollout.policy is not None)
    policies = [name for name in named if name not in index[POLICY]]
    for node, ids in (
        (QUERY, [item.query_id for item in queries]),
        (ROLLOUT, [item.id for item in items]),
        (CONCLUSION, list(keys)),
        (POLICY, policies),
    ):
        index[node] |= {id_: row for row, id_ in enumerate(ids, len(index[node]))}
    arriving = [
        item.ids(None if pair is None else pair[0]) for item, pair in zip(items, pairs, strict=True)
    ]
    return replace(
        graph,
        **_queries(graph, queries),
        **_rollouts(graph, items, stamp),
        **_sources(graph, items),
        conclusion_id_C=graph.conclusion_id_C + list(keys),
        conclusion_key_C=graph.conclusion_key_C + list(keys.values()),
        policy_name_U=graph.policy_name_U + policies,
        **_arriving_edges(graph, arriving, index),
        **_similar(graph, edges, index[QUERY]),
    )


def _index(ids: Sequence[str]) -> dict[str, int]:
    return {id_: row for row, id_ in enumerate(ids)}


def _firsts(items: Sequence[PreparedRollout]) -> list[PreparedRollout]:
    """The first rollout of each query."""
    return list({item.query_id: item for item in reversed(items)}.values())[::-1]


def _queries(graph: MemoryGraph, new: Sequence[PreparedRollout]) -> dict[str, Any]:
    """Columns of the graph's queries, with those of the rollouts `new` at their end."""
    rollouts = [item.rollout for item in new]
    return {
        "query_id_Q": graph.query_id_Q + [item.query_id for item in new],
        "query_text_Q": graph.query_text_Q + [r.query for r in rollouts],
        "dataset_Q": graph.dataset_Q + [r.dataset for r in rollouts],
        "domain_Q": graph.domain_Q + [r.domain for r in rollouts],
        "query_embedding_QD": _below(
            graph.query_embedding_QD, [r.query_embedding for r in rollouts]
        ),
    }


def _rollouts(
    graph: MemoryGraph, new: Sequence[PreparedRollout], stamp: Stamp | None
) -> dict[str, Any]:
    """Columns of the graph's rollouts, with the rollouts `new` at their end."""
    rollouts = [item.rollout for item in new]
    no_signals = (np.nan,) * len(POLICY_SIGNALS)
    width = graph.answer_embedding_RD.shape[1]  # 0: the model does not read them.
    columns: dict[str, list[object]] = {
        "thinking_embedding_RD": [_up_to(r.thinking_embedding, width) for r in rollouts],
        "answer_embedding_RD": [_up_to(r.answer_embedding, width) for r in rollouts],
        "completion_tokens_R": [r.completion_tokens for r in rollouts],
        "answer_given_R": [r.answer_given for r in rollouts],
        "truncated_R": [r.truncated for r in rollouts],
        "policy_signals_R6": [r.policy_signals or no_signals for r in rollouts],
        "policy_embedding_RP": [_stamped(item, stamp) for item in new],
        "verified_R": [r.reward for r in rollouts],
    }
    if graph.own_features_RF is not None:
        columns["own_features_RF"] = [np.full(graph.own_features_RF.shape[1], np.nan)] * len(new)
    if graph.thinking_characters_R is not None:
        columns["thinking_characters_R"] = [np.nan] * len(new)
    if graph.kept_features_RK is not None:
        columns["kept_features_RK"] = [np.full(len(graph.kept_names), np.nan)] * len(new)
    return {
        "rollout_id_R": graph.rollout_id_R + [item.id for item in new],
        "thinking_text_R": graph.thinking_text_R + [r.thinking for r in rollouts],
        "answer_text_R": graph.answer_text_R + [r.answer for r in rollouts],
        "policy_R": graph.policy_R + [r.policy or "" for r in rollouts],
        "step_R": np.append(graph.step_R, [r.step for r in rollouts]).astype(np.int64),
        **{name: _below(getattr(graph, name), values) for name, values in columns.items()},
    }


def _sources(graph: MemoryGraph, new: Sequence[PreparedRollout]) -> dict[str, Any]:
    """Who verified the graph's rollouts, and those at their end that come with a reward."""
    given = [item.rollout.reward is not None for item in new]
    names = [*graph.source_name_S]
    if any(given) and FILE_SOURCE not in names:
        names.append(FILE_SOURCE)
    file = _index(names).get(FILE_SOURCE, -1)
    more = np.where(given, file, -1).astype(np.int64)
    return {
        "source_name_S": names,
        "source_of_rollout_R": np.concatenate([graph.source_of_rollout_R, more]),
    }


def _stamped(item: PreparedRollout, stamp: Stamp | None) -> Floats:
    rollout = item.rollout
    if stamp is None:
        return np.zeros(0, np.float32)
    given = rollout.policy_embedding
    made_by = (rollout.policy or "", rollout.policy_layer or "")
    if given is None or (*made_by, len(given)) != (stamp.policy, stamp.layer, stamp.dimension):
        return np.full(stamp.dimension, np.nan, np.float32)
    return given


def _arriving_edges(
    graph: MemoryGraph,
    arriving: Sequence[Mapping[str, str | None]],
    index: Mapping[str, Mapping[str, int]],
) -> dict[str, Ints]:
    """Edges that arrive with rollouts, given the ids in each rollout's row."""
    found: dict[str, Ints] = {}
    for name, spec in STORED_EDGES.items():
        if spec.columns is None:
            continue
        (start, end), (source, target) = spec.columns, (index[node] for node in EDGES[name])
        ends = [(row[start], row[end]) for row in arriving]
        drawn = [(source[a], target[b]) for a, b in ends if a is not None and b is not None]
        found[spec.array] = _after(getattr(graph, spec.array), drawn)
    return found


def _similar(
    graph: MemoryGraph, edges: Sequence[Edge], queries: Mapping[str, int]
) -> dict[str, Any]:
    """Similarity edges, with those at their end that lie between queries of the graph."""
    drawn = [(queries[a], queries[b], s) for a, b, s in edges if a in queries and b in queries]
    return {
        "similar_2E": _after(graph.similar_2E, [(a, b) for a, b, _ in drawn]),
        "similar_score_E": _below(graph.similar_score_E, [score for _, _, score in drawn]),
    }


def _up_to(vector: Floats | None, width: int) -> Floats | None:
    return None if vector is None else vector[:width]


def _below(values: Floats, more: Sequence[object]) -> Floats:
    """The rows `more` after the rows `values`; None is NaN."""
    if not more:
        return values
    filled = [np.nan if value is None else value for value in more]
    rows = np.asarray(filled, dtype=np.float32).reshape(len(more), *values.shape[1:])
    return np.concatenate([values, rows])


def _after(pairs_2E: Ints, more: Sequence[tuple[int, int]]) -> Ints:
    return np.hstack([pairs_2E, np.asarray(more, np.int64).reshape(-1, 2).T])
