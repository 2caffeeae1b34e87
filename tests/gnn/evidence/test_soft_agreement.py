"""Likeness of answers by their words, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import make_graph

from gnn.evidence.opinions import Opinions
from gnn.evidence.soft_agreement import (
    likeness_to_own,
    likeness_to_verified,
    likeness_to_voters,
)
from gnn.evidence.words import CommonWords
from schema.memory_graph import MemoryGraph


def answered(answers: list[str], policies: list[str], query: str = "Why?") -> MemoryGraph:
    graph, _ = make_graph(1, len(answers))
    return replace(graph, answer_text_R=answers, policy_R=policies, query_text_Q=[query])


def test_each_other_policy_counts_once() -> None:
    graph = answered(["red fox", "red fox", "red hen", "green cat", ""], ["a", "b", "b", "c", "d"])
    opinions = Opinions.of(graph)
    found = likeness_to_voters(opinions, np.ones(4), "")
    # To b (1 and 1/2, once as 3/4), c (0) and d (no words).
    assert found["words"][0] == pytest.approx(0.75 / 3)
    assert found["words"][4] == 0
    assert found["words_against_mean"].sum() == pytest.approx(0, abs=1e-6)
    weighted = likeness_to_voters(opinions, np.array([1.0, 3.0, 1.0, 0.0]), "")
    assert weighted["words"][0] == pytest.approx(3 * 0.75 / 4)
    own = likeness_to_own(opinions)["own_words"]
    assert own == pytest.approx([0, 0.5, 0.5, 0, 0])


def test_words_of_the_question_count_less() -> None:
    graph = answered(["the cause is rain", "the cause is war"], ["a", "b"], "what is the cause")
    plain = answered(["the cause is rain", "the cause is war"], ["a", "b"])
    asked, unasked = (
        likeness_to_voters(Opinions.of(one), np.ones(2), "")["words"][0] for one in (graph, plain)
    )
    assert asked < 0.5 < unasked


def test_common_words_count_less() -> None:
    graph, _ = make_graph(40, 2)
    texts = [f"it is thing{row // 2}" for row in range(80)]
    common = CommonWords.fit(replace(graph, answer_text_R=texts))
    assert sorted(common.weights.values()) == pytest.approx([0.0, 0.0])
    assert CommonWords.from_json(common.to_json()) == common
    pair = answered(["it is so", "it is not"], ["a", "b"])
    assert likeness_to_voters(Opinions.of(pair, common), np.ones(2), "")["words"][0] == 0


def test_verified_answers_speak_for_others_and_not_for_themselves() -> None:
    graph = answered(["red fox", "red fox", "blue hen", "blue hen"], ["a", "b", "c", "d"])
    opinions = Opinions.of(graph)
    reward_R = np.array([1, np.nan, 0, np.nan], np.float32)
    found = likeness_to_verified(opinions, reward_R)
    assert found["words_right"] == pytest.approx([0, 1, 0, 0])
    assert found["words_wrong"] == pytest.approx([0, 0, 0, 1])
    turned = likeness_to_verified(opinions, np.array([0, np.nan, 0, np.nan], np.float32))
    for name in found:
        assert turned[name][0] == found[name][0]


def test_a_graph_without_words_has_none() -> None:
    opinions = Opinions.of(answered(["", ""], ["a", "b"]))
    assert likeness_to_voters(opinions, np.ones(2), "")["words"].tolist() == [0, 0]
    assert likeness_to_own(opinions)["own_words"].tolist() == [0, 0]
