"""Votes and opinions on three queries counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import make_graph

from gnn.evidence.assembly import NUMBER_NAMES, number_table
from gnn.evidence.opinions import Opinions
from gnn.evidence.reliability import Reliability
from gnn.evidence.votes import plain_votes, weighted_votes
from schema.memory_graph import MemoryGraph


def small(policies: list[str], conclusions: list[str | None]) -> MemoryGraph:
    """One query whose rollouts have these policies and conclusions."""
    graph, _ = make_graph(1, len(policies))
    named = sorted({key for key in conclusions if key})
    held = [(row, named.index(key)) for row, key in enumerate(conclusions) if key]
    return replace(
        graph,
        policy_R=policies,
        conclusion_id_C=named,
        conclusion_key_C=named,
        concludes_2E=np.array(held, dtype=np.int64).T.reshape(2, -1),
    )


@pytest.fixture
def graph() -> MemoryGraph:
    return small(["a", "a", "a", "b", "c", "c"], ["x", "x", "y", "y", "y", None])


def test_a_policy_has_one_vote_however_many_rollouts_it_has(graph: MemoryGraph) -> None:
    votes = plain_votes(Opinions.of(graph))
    third, half = 1 / 3, 1 / 2
    assert votes["own_vote"] == pytest.approx([2 * third, 2 * third, third, 1, half, 0])
    y = third + 1 + half
    x = 2 * third
    assert votes["vote_share"] == pytest.approx([x / 3, x / 3, y / 3, y / 3, y / 3, 0])
    assert votes["vote_margin"][:4] == pytest.approx([(x - y) / 3] * 2 + [(y - x) / 3] * 2)
    assert votes["vote_leads"].tolist() == [False, False, True, True, True, False]
    assert votes["vote_share_of_others"][3] == pytest.approx((third + half) / 2)
    assert votes["unread"].tolist() == [False] * 5 + [True]
    assert votes["vote_unread_share"] == pytest.approx([half / 3] * 6)


def test_reliable_policies_outvote_others(graph: MemoryGraph) -> None:
    opinions = Opinions.of(graph)
    log_odds_P = np.array([3.0, -3.0, -3.0])
    log_odds_O = log_odds_P[opinions.policy_V[opinions.voter_O]]
    votes = weighted_votes(opinions, log_odds_O)
    assert votes["soft_margin"][0] > 0 > votes["soft_margin"][3]
    assert votes["posterior"][0] > votes["posterior"][3]
    # The only other policies with the conclusion y of `b` are a and c; the best of them is a.
    assert votes["best_supporter"][3] == pytest.approx(3.0)
    assert votes["best_supporter"][0] == pytest.approx(-5.0)


def test_an_unmarked_answer_weighs_what_such_answers_proved() -> None:
    graph = small(["a", "b"], ["x", "y"])
    graph = replace(graph, answer_given_R=np.array([1, 0], np.float32))
    opinions = Opinions.of(graph)
    found = Reliability.fit(graph, opinions, np.array([1, 0], np.float32))
    assert found.of_voters(graph, opinions).unmarked_V[0] < 0
    table = number_table(opinions, found.of_voters(graph, opinions), np.full(2, np.nan, np.float32))
    assert table.shape == (2, len(NUMBER_NAMES))
    assert np.isfinite(table).all()


def test_a_rollouts_evidence_depends_on_its_query_alone() -> None:
    graph, truth_R = make_graph(6, 4)
    opinions = Opinions.of(graph)
    voters = Reliability.fit(graph, opinions, truth_R).of_voters(graph, opinions)
    whole = number_table(opinions, voters, truth_R)
    other_R = np.where(graph.query_of_rollout_R == 2, 1 - truth_R, truth_R)
    changed = number_table(opinions, voters, other_R.astype(np.float32))
    differs_R = (whole != changed).any(axis=1)
    assert set(graph.query_of_rollout_R[differs_R]) == {2}
