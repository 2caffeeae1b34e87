"""Seventeen numbers about a rollout and its group, none of which needs a label.

A group is all rollouts of one query. Which answers say the same is read from the graph: two
rollouts agree when they share a Conclusion node.
"""

from typing import Final

import numpy as np

from gnn.features import log_length
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

#: Domains with an indicator of their own; any other counts as "other".
DOMAINS: Final = ("math", "qa", "code")

GROUP_FEATURES: Final[tuple[str, ...]] = (
    "answer_share",
    "answer_is_majority",
    "answer_parsed",
    "log_length",
    "log_length_against_group",
    "truncated",
    "thinking_similarity_in_group",
    "answer_similarity_in_group",
    "cosine_query_answer",
    "cosine_query_thinking",
    "cosine_thinking_answer",
    "answer_entropy_of_group",
    "distinct_answers_of_group",
    *(f"domain_{domain}" for domain in DOMAINS),
    "domain_other",
)


def group_features(graph: MemoryGraph) -> Floats:
    """The features GROUP_FEATURES of every rollout.

    Returns:
        Array [R, 17], float32, finite. A rollout without a query is a group of its own.
    """
    group_R = group_of_rollout(graph)
    length_R = log_length(graph)
    columns = [
        *_agreement(graph.conclusion_of_rollout_R, group_R),
        length_R,
        length_R - _group_mean(length_R, group_R),
        np.nan_to_num(graph.truncated_R),
        _similarity_in_group(graph.thinking_embedding_RD, group_R),
        _similarity_in_group(graph.answer_embedding_RD, group_R),
        *_cosines(graph),
        *_answer_spread(graph.conclusion_of_rollout_R, group_R),
        *_domains(graph),
    ]
    return np.column_stack(columns).astype(np.float32)


def signal_features(graph: MemoryGraph) -> Floats:
    """The policy's own signals of every rollout: POLICY_SIGNALS, then its embedding.

    Returns:
        Array [R, 6 + P], float32; NaN where a rollout came without.
    """
    return np.hstack([graph.policy_signals_R6, graph.policy_embedding_RP]).astype(np.float32)


def signal_names(graph: MemoryGraph) -> tuple[str, ...]:
    """Names of the columns of `signal_features`."""
    width = graph.policy_embedding_RP.shape[1]
    return (*POLICY_SIGNALS, *(f"policy_embedding_{i}" for i in range(width)))


def has_signals(graph: MemoryGraph, among_R: Bools) -> bool:
    """Whether any rollout of `among_R` came with log-probabilities or a policy embedding."""
    return bool(np.isfinite(signal_features(graph)[among_R]).any())


def answer_share(graph: MemoryGraph) -> Floats:
    """Share of the rollout's group that reaches the same conclusion, shape [R]; 0 without one."""
    return _agreement(graph.conclusion_of_rollout_R, group_of_rollout(graph))[0]


def answer_is_majority(graph: MemoryGraph) -> Floats:
    """1 where no other conclusion of the rollout's group has more rollouts, else 0: shape [R]."""
    return _agreement(graph.conclusion_of_rollout_R, group_of_rollout(graph))[1]


def group_of_rollout(graph: MemoryGraph) -> Ints:
    """Query of each rollout as a dense group number; a rollout without a query is its own group."""
    query_R = graph.query_of_rollout_R
    alone_R = query_R < 0
    query_R[alone_R] = len(graph.query_id_Q) + np.arange(alone_R.sum())
    return np.unique(query_R, return_inverse=True)[1]


def _group_mean(value_R: Floats, group_R: Ints) -> Floats:
    """Mean of `value_R` over each rollout's group, shape [R]."""
    size_G = np.bincount(group_R)
    return (np.bincount(group_R, weights=value_R) / size_G)[group_R].astype(np.float32)


def _agreement(conclusion_R: Ints, group_R: Ints) -> tuple[Floats, Floats, Floats]:
    """Share of the answer in its group, whether no other has more, whether it was parsed: [R]."""
    parsed_R = conclusion_R >= 0
    votes_R = np.zeros(len(conclusion_R), dtype=np.float32)
    votes_R[parsed_R] = np.bincount(conclusion_R[parsed_R])[conclusion_R[parsed_R]]
    most_G = np.zeros(group_R.max(initial=-1) + 1, dtype=np.float32)
    np.maximum.at(most_G, group_R, votes_R)
    share_R = votes_R / np.bincount(group_R)[group_R]
    majority_R = parsed_R & (votes_R == most_G[group_R])
    return share_R.astype(np.float32), majority_R.astype(np.float32), parsed_R.astype(np.float32)


def _answer_spread(conclusion_R: Ints, group_R: Ints) -> tuple[Floats, Floats]:
    """Entropy (nats) of the parsed answers of each rollout's group, and their number: [R]."""
    n_groups = group_R.max(initial=-1) + 1
    parsed_R = conclusion_R >= 0
    first_C, first_R, votes_C = np.unique(
        conclusion_R[parsed_R], return_index=True, return_counts=True
    )
    group_C = group_R[parsed_R][first_R]
    share_C = votes_C / np.bincount(group_R[parsed_R], minlength=n_groups)[group_C]
    entropy_G = np.bincount(group_C, weights=-share_C * np.log(share_C), minlength=n_groups)
    distinct_G = np.bincount(group_C, weights=np.ones(len(first_C)), minlength=n_groups)
    return entropy_G[group_R].astype(np.float32), distinct_G[group_R].astype(np.float32)


def _similarity_in_group(embedding_RD: Floats, group_R: Ints) -> Floats:
    """Mean cosine of a rollout to the others of its group, shape [R]; 0 for a group of one."""
    unit_RD = _unit(embedding_RD)
    order_R = np.argsort(group_R, kind="stable")
    size_G = np.bincount(group_R)
    if not len(size_G):
        return np.zeros(0, dtype=np.float32)
    start_G = np.concatenate([[0], np.cumsum(size_G)[:-1]])
    sum_GD = np.add.reduceat(unit_RD[order_R], start_G, axis=0)
    with_self_R = np.einsum("rd,rd->r", unit_RD, sum_GD[group_R])
    self_R = np.einsum("rd,rd->r", unit_RD, unit_RD)
    others_R = size_G[group_R] - 1
    return np.where(others_R > 0, (with_self_R - self_R) / np.maximum(others_R, 1), 0.0)


def _cosines(graph: MemoryGraph) -> tuple[Floats, Floats, Floats]:
    """Cosines query-answer, query-thinking and thinking-answer, each [R]; 0 without a query."""
    query_R = graph.query_of_rollout_R
    query_RD = np.zeros_like(graph.answer_embedding_RD)
    query_RD[query_R >= 0] = _unit(graph.query_embedding_QD)[query_R[query_R >= 0]]
    thinking_RD, answer_RD = _unit(graph.thinking_embedding_RD), _unit(graph.answer_embedding_RD)
    return (
        np.einsum("rd,rd->r", query_RD, answer_RD),
        np.einsum("rd,rd->r", query_RD, thinking_RD),
        np.einsum("rd,rd->r", thinking_RD, answer_RD),
    )


def _domains(graph: MemoryGraph) -> list[Floats]:
    """One indicator per DOMAINS and one for the rest, each [R]."""
    code_Q = np.array(
        [DOMAINS.index(d) if d in DOMAINS else len(DOMAINS) for d in graph.domain_Q], dtype=np.int64
    )
    query_R = graph.query_of_rollout_R
    code_R = np.full(len(query_R), len(DOMAINS))
    code_R[query_R >= 0] = code_Q[query_R[query_R >= 0]]
    return [(code_R == code).astype(np.float32) for code in range(len(DOMAINS) + 1)]


def _unit(embedding_ND: Floats) -> Floats:
    """Rows scaled to length 1; a zero row stays zero."""
    norm_N1 = np.linalg.norm(embedding_ND, axis=1, keepdims=True)
    return embedding_ND / np.maximum(norm_N1, np.finfo(np.float32).tiny)
