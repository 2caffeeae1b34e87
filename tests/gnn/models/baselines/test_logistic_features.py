"""The seventeen features, against a plain computation rollout by rollout."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.graph_factory import make_graph

from gnn.models.baselines.logistic_features import (
    GROUP_FEATURES,
    answer_share,
    group_features,
    has_signals,
    signal_features,
    signal_names,
)
from schema.memory_graph import MemoryGraph


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def plain_features(graph: MemoryGraph, row: int) -> dict[str, Any]:
    """The features of one rollout, as slowly and plainly as possible."""
    query_R, conclusion_R = graph.query_of_rollout_R, graph.conclusion_of_rollout_R
    members = np.flatnonzero(query_R == query_R[row])
    others = [m for m in members if m != row]
    votes = Counter(int(conclusion_R[m]) for m in members if conclusion_R[m] >= 0)
    mine = votes.get(int(conclusion_R[row]), 0)
    shares = np.array(list(votes.values())) / max(1, sum(votes.values()))
    length = np.log1p(graph.completion_tokens_R)
    query = graph.query_embedding_QD[query_R[row]]
    thinking, answer = graph.thinking_embedding_RD, graph.answer_embedding_RD
    domain = graph.domain_Q[query_R[row]]
    return {
        "answer_share": mine / len(members),
        "answer_is_majority": float(mine > 0 and mine == max(votes.values())),
        "answer_parsed": float(conclusion_R[row] >= 0),
        "log_length": length[row],
        "log_length_against_group": length[row] - length[members].mean(),
        "truncated": graph.truncated_R[row],
        "thinking_similarity_in_group": np.mean(
            [cosine(thinking[row], thinking[o]) for o in others]
        ),
        "answer_similarity_in_group": np.mean([cosine(answer[row], answer[o]) for o in others]),
        "cosine_query_answer": cosine(query, answer[row]),
        "cosine_query_thinking": cosine(query, thinking[row]),
        "cosine_thinking_answer": cosine(thinking[row], answer[row]),
        "answer_entropy_of_group": -(shares * np.log(shares)).sum(),
        "distinct_answers_of_group": len(votes),
        "domain_math": float(domain == "math"),
        "domain_qa": float(domain == "qa"),
        "domain_code": float(domain == "code"),
        "domain_other": float(domain not in ("math", "qa", "code")),
    }


def test_are_what_the_plain_computation_gives() -> None:
    graph, _ = make_graph(n_queries=9, group=5, seed=1)
    graph = replace(graph, domain_Q=["code", "games", *graph.domain_Q[2:]])
    features = group_features(graph)
    assert features.shape == (45, len(GROUP_FEATURES)) == (45, 17)
    assert features.dtype == np.float32
    for row in range(45):
        expected = plain_features(graph, row)
        assert tuple(expected) == GROUP_FEATURES
        np.testing.assert_allclose(features[row], list(expected.values()), atol=1e-5)


def test_do_not_depend_on_labels() -> None:
    graph, truth_R = make_graph()
    shown = replace(graph, verified_R=truth_R)
    np.testing.assert_array_equal(group_features(graph), group_features(shown))


def test_follow_a_moved_conclusion_edge() -> None:
    graph, _ = make_graph()
    row = int(graph.concludes_2E[0, 0])
    without = replace(graph, concludes_2E=graph.concludes_2E[:, 1:])
    assert answer_share(graph)[row] > 0
    assert answer_share(without)[row] == 0


def test_a_group_of_one_and_missing_values_stay_finite() -> None:
    graph, _ = make_graph(n_queries=4, group=1)
    n = len(graph.rollout_id_R)
    nan_R = np.full(n, np.nan, dtype=np.float32)
    graph = replace(
        graph,
        completion_tokens_R=nan_R,
        truncated_R=nan_R,
        thinking_embedding_RD=np.zeros_like(graph.thinking_embedding_RD),
    )
    features = group_features(graph)
    assert np.isfinite(features).all()
    length = features[:, GROUP_FEATURES.index("log_length")]
    words = [len(text) for text in graph.thinking_text_R]
    assert length.argmax() == int(np.argmax(words))


def test_a_rollout_without_query_stands_alone() -> None:
    graph, _ = make_graph()
    cut = replace(graph, generated_2E=graph.generated_2E[:, 2:])
    features = group_features(cut)
    column = GROUP_FEATURES.index
    assert np.isfinite(features).all()
    assert features[1, column("answer_share")] == 0  # What it concludes counts for nobody.
    assert features[0, column("domain_other")] == 1
    np.testing.assert_array_equal(features[4:], group_features(graph)[4:])


def test_an_empty_graph_has_no_rows() -> None:
    graph, _ = make_graph(n_queries=2)
    empty = np.zeros((2, 0), dtype=np.int64)
    none = {
        name: value[:0]
        for name, value in vars(graph).items()
        if value is not None and name.endswith(("_R", "_RD", "_R6", "_RP", "_C"))
    }
    bare = replace(graph, **none, generated_2E=empty, leads_to_2E=empty, concludes_2E=empty)
    assert group_features(bare).shape == (0, 17)


@pytest.mark.parametrize(("signals", "width", "expected"), [(False, 0, False), (True, 3, True)])
def test_signals(signals: bool, width: int, expected: bool) -> None:
    graph, _ = make_graph(signals=signals, policy_dimension=width)
    everyone = np.ones(len(graph.rollout_id_R), dtype=np.bool_)
    assert has_signals(graph, everyone) is expected
    assert signal_features(graph).shape[1] == len(signal_names(graph)) == 6 + width
