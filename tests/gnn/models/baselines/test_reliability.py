"""`votes`, `reliability` and `rule`, against numbers worked out by hand.

The first question has six answers: a says x, x and y, b says x, c says y, d says nothing that can
be compared. The second question is where a, b and c were verified.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from support.graph_factory import labelled, make_graph

from gnn.base.metrics import auc
from gnn.models.baselines.policy_accuracy import PolicyAccuracy
from gnn.models.baselines.reliability import ReliabilityModel
from gnn.models.baselines.reliability_features import (
    RELIABILITY_FEATURES,
    reliability_features,
    weighted_share,
)
from gnn.models.baselines.votes_rule import RuleModel, VotesModel
from schema.memory_graph import MemoryGraph

#: Rollouts 0 to 5 answer the first question, 6 to 11 the second.
POLICIES = ["a", "a", "a", "b", "c", "d"] * 2
CONCLUSIONS = [0, 0, 1, 0, 1, -1, 2, 2, 3, 3, 2, -1]
ACCURACY_R = np.array([0.8, 0.8, 0.8, 0.5, 0.9, 0.6] * 2, dtype=np.float32)


def two_questions(verified: dict[int, float]) -> MemoryGraph:
    """The graph of the module's docstring, with some rewards."""
    graph, _ = make_graph(n_queries=2, group=6)
    said = [(row, place) for row, place in enumerate(CONCLUSIONS) if place >= 0]
    reward_R = np.full(12, np.nan, dtype=np.float32)
    reward_R[list(verified)] = list(verified.values())
    return replace(
        graph,
        policy_R=POLICIES,
        concludes_2E=np.array(said, dtype=np.int64).T,
        conclusion_id_C=["x", "y", "z", "w"],
        conclusion_key_C=["x", "y", "z", "w"],
        verified_R=reward_R,
    )


def test_accuracy_is_shrunk_to_the_mean() -> None:
    graph = two_questions({6: 1, 7: 1, 8: 0, 9: 0})
    accuracy = PolicyAccuracy.fit(graph, graph.labelled_R)
    assert accuracy.mean == 0.5
    assert accuracy.by_policy == {"a": (2 + 4 * 0.5) / 7, "b": (0 + 4 * 0.5) / 5}
    of_rollouts_R = accuracy.of_rollouts(replace(graph, policy_R=["a", "new", "", *["b"] * 9]))
    np.testing.assert_allclose(of_rollouts_R[:4], [4 / 7, 0.5, 0.5, 0.4])


def test_rollouts_without_a_policy_are_no_policy() -> None:
    graph = replace(two_questions({6: 1, 7: 0}), policy_R=[""] * 6 + ["", "a", *["b"] * 4])
    assert PolicyAccuracy.fit(graph, graph.labelled_R).by_policy == {"a": (0 + 4 * 0.5) / 5}


def test_weighted_share() -> None:
    share_R = weighted_share(two_questions({}), ACCURACY_R)
    total, x, y = 4.4, 0.8 + 0.8 + 0.5, 0.8 + 0.9
    expected = [x / total, x / total, y / total, x / total, y / total, 0]
    np.testing.assert_allclose(share_R[:6], expected, rtol=1e-5)


def test_the_seven_numbers() -> None:
    table_RF = reliability_features(two_questions({}), ACCURACY_R)
    named = dict(zip(RELIABILITY_FEATURES, table_RF[:6].T, strict=True))
    a, c = float(logit(0.8)), float(logit(0.9))
    x, y = a + a, a + c
    expected = {
        "answer_share": [3 / 6, 3 / 6, 2 / 6, 3 / 6, 2 / 6, 0],
        "answer_share_in_policy": [2 / 3, 2 / 3, 1 / 3, 1, 1, 0],
        "weighted_margin": [x - y, x - y, y - x, x - y, y - x, -y],
        "policy_log_odds": [a, a, a, 0, c, logit(0.6)],
        "answer_share_in_other_policies": [1 / 3, 1 / 3, 1 / 3, 2 / 5, 1 / 5, 0],
        "unread": [0, 0, 0, 0, 0, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(named[name], values, atol=1e-5, err_msg=name)


def test_a_lone_conclusion_leads_by_all_it_has() -> None:
    graph = two_questions({})
    alone = replace(graph, concludes_2E=graph.concludes_2E[:, :1])
    margin = RELIABILITY_FEATURES.index("weighted_margin")
    table_RF = reliability_features(alone, ACCURACY_R)
    np.testing.assert_allclose(table_RF[[0, 1, 6], margin], [logit(0.8), -logit(0.8), 0], rtol=1e-5)


def test_votes_weigh_by_verified_accuracy() -> None:
    graph = two_questions({6: 1, 7: 1, 8: 0, 9: 0})
    model = VotesModel()
    model.fit(graph, seed=0)
    a, b, mean = 4 / 7, 2 / 5, 1 / 2
    expected = (2 * a + b) / (3 * a + b + 2 * mean)
    np.testing.assert_allclose(model.predict(graph)[[0, 1, 3]], expected, rtol=1e-5)


def test_the_rule_says_what_was_verified_of_the_conclusion() -> None:
    graph = two_questions({6: 1, 7: 0.5, 8: 0})
    model = RuleModel()
    model.fit(graph, seed=0)
    rule_R = model.predict(graph)
    # 6 and 7 see each other's reward, 8 sees none but shares with 9, 10 sees the mean of 6 and 7.
    np.testing.assert_allclose(rule_R[6:], [0.5, 1, 2 / 6, 0, 0.75, 0], rtol=1e-5)
    np.testing.assert_allclose(rule_R[:6], [3 / 6, 3 / 6, 2 / 6, 3 / 6, 2 / 6, 0], rtol=1e-5)


@pytest.mark.parametrize("model", [ReliabilityModel, VotesModel])
def test_knowing_the_policy_helps(model: type[ReliabilityModel | VotesModel]) -> None:
    graph, truth_R = make_graph(n_queries=60, group=4, seed=1)
    good = np.random.default_rng(0).random(len(truth_R)) < np.where(truth_R > 0, 0.9, 0.1)
    known = labelled(replace(graph, policy_R=["good" if g else "bad" for g in good]), truth_R)
    told, untold = model(), model()
    told.fit(known, seed=0)
    untold.fit(nameless := replace(known, policy_R=[""] * len(truth_R)), seed=0)
    hidden_R = ~known.labelled_R
    with_names = auc(told.predict(known)[hidden_R], truth_R[hidden_R]) or 0
    assert with_names > (auc(untold.predict(nameless)[hidden_R], truth_R[hidden_R]) or 0) + 0.05
