"""Reliability of policies: shrunk, by kind, and never from the fold that it is used in."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from support.graph_factory import make_graph

from gnn.evidence.opinions import Opinions
from gnn.evidence.reliability import PRIOR_QUERIES, Reliability, out_of_fold
from schema.memory_graph import Floats, MemoryGraph


@pytest.fixture
def known() -> tuple[MemoryGraph, Floats]:
    """Forty queries; of four rollouts two are good's, right; two bad's, wrong but for math."""
    graph, _ = make_graph(40, 4)
    policy_R = ["good" if row % 4 < 2 else "bad" for row in range(160)]
    good_R = np.array([policy == "good" for policy in policy_R])
    math_R = np.array(graph.domain_Q)[graph.query_of_rollout_R] == "math"
    return replace(graph, policy_R=policy_R), (good_R | math_R).astype(np.float32)


def of_policy(graph: MemoryGraph, values_V: Floats, policy: str, domain: str) -> float:
    opinions = Opinions.of(graph)
    (row,) = {
        float(values_V[v])
        for v in range(len(opinions.query_V))
        if opinions.policies[opinions.policy_V[v]] == policy
        and graph.domain_Q[opinions.query_V[v]] == domain
    }
    return row


def test_accuracies_are_shrunk_and_differ_by_kind(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    opinions = Opinions.of(graph)
    found = Reliability.fit(graph, opinions, truth_R)
    voters = found.of_voters(graph, opinions)
    mean = (60 + 1) / (80 + 2)
    good = (40 + PRIOR_QUERIES * mean) / (40 + PRIOR_QUERIES)
    assert of_policy(graph, voters.policy_V, "good", "qa") == pytest.approx(logit(good), abs=1e-5)
    bad_math = of_policy(graph, voters.kind_V, "bad", "math")
    bad_qa = of_policy(graph, voters.kind_V, "bad", "qa")
    assert bad_qa < -0.5 < 0.5 < bad_math


def test_a_policy_never_seen_has_the_mean(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    found = Reliability.fit(graph, Opinions.of(graph), truth_R)
    strangers = replace(graph, policy_R=["stranger"] * len(truth_R))
    voters = found.of_voters(strangers, Opinions.of(strangers))
    assert voters.policy_V == pytest.approx(logit(found.mean), abs=1e-5)
    nobody = found.of_nobody().of_voters(graph, Opinions.of(graph))
    assert nobody.policy_V == pytest.approx(logit(found.mean), abs=1e-5)


def test_many_rollouts_of_one_query_are_one_witness(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    graph = replace(graph, policy_R=["one"] * len(truth_R))
    opinions = Opinions.of(graph)
    first = np.where(graph.query_of_rollout_R == 0, 1.0, np.nan).astype(np.float32)
    found = Reliability.fit(graph, opinions, first)
    mean = (1 + 1) / (1 + 2)
    assert found.accuracy_P[0] == pytest.approx((1 + PRIOR_QUERIES * mean) / (1 + PRIOR_QUERIES))


def test_a_fold_is_judged_by_the_others(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    opinions, fold_Q = Opinions.of(graph), np.arange(40) % 5
    before = out_of_fold(graph, opinions, truth_R, fold_Q)
    changed_R = np.where(fold_Q[graph.query_of_rollout_R] == 3, 1 - truth_R, truth_R)
    after = out_of_fold(graph, opinions, changed_R.astype(np.float32), fold_Q)
    in_fold_V = fold_Q[opinions.query_V] == 3
    assert np.array_equal(before.policy_V[in_fold_V], after.policy_V[in_fold_V])
    assert (before.policy_V[~in_fold_V] != after.policy_V[~in_fold_V]).any()


def test_it_comes_back_from_json(known: tuple[MemoryGraph, Floats]) -> None:
    graph, truth_R = known
    opinions = Opinions.of(graph)
    found = Reliability.fit(graph, opinions, truth_R)
    again = Reliability.from_json(found.to_json())
    assert np.array_equal(
        again.of_voters(graph, opinions).kind_V, found.of_voters(graph, opinions).kind_V
    )
