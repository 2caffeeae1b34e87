"""Explanations add up, claim what removal shows, and name the rollouts behind it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.explain.attribution import Explanation, explain
from gnn.explain.masking import Present, Removals
from gnn.explain.shapley import Worths
from gnn.features.assembly import OWN_NAMES
from gnn.models.members.batch import make_batch, rollouts_of
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.errors import InputError
from schema.graph import CONCLUDES, REV_GENERATED
from schema.memory_graph import Ints, MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=4, queries_a_batch=16)
)
ASKED = 240


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    graph, truth_R = make_graph(60, 5, signals=True, policy_dimension=4)
    return labelled(graph, truth_R, share=0.7)


@pytest.fixture(scope="module")
def model(graph: MemoryGraph) -> MemrewardModel:
    """A fitted model whose network is made to listen to every path."""
    fitted = MemrewardModel(SMALL)
    fitted.fit(graph, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for member in fitted.members:
            last = member.net.head[-1].weight  # pyright: ignore
            last += torch.randn(last.shape, generator=generator)  # pyright: ignore
    return fitted


@pytest.fixture(scope="module")
def found(model: MemrewardModel, graph: MemoryGraph) -> Explanation:
    return explain(model, graph, graph.rollout_id_R[ASKED])


def mean_logit(model: MemrewardModel, graph: MemoryGraph, row: int = ASKED) -> float:
    for data, logit_MR in model.member_logits(model.tables(graph)):
        place = np.flatnonzero(rollouts_of(data) == row)
        if len(place):
            return float(logit_MR[:, place[0]].astype(np.float64).mean())
    raise AssertionError(row)


def test_contributions_add_up_to_the_change_when_all_are_removed(found: Explanation) -> None:
    for name in ("logit", "probability"):
        total = sum(getattr(item, name) for item in found.contributions)
        change = getattr(found, name) - getattr(found, f"baseline_{name}")
        assert total == pytest.approx(change, abs=1e-6)
    assert abs(found.logit - found.baseline_logit) > 1e-3


def test_senders_add_up_to_their_contribution(found: Explanation) -> None:
    with_senders = [item for item in found.contributions if item.senders]
    assert {item.kind for item in with_senders} == {"neighbour", "mates", "conclusion"}
    for item in with_senders:
        for name in ("logit", "probability"):
            total = sum(getattr(sender, name) for sender in item.senders)
            assert total == pytest.approx(getattr(item, name), abs=1e-6)


def test_the_score_is_the_models(
    found: Explanation, model: MemrewardModel, graph: MemoryGraph
) -> None:
    assert found.logit == pytest.approx(mean_logit(model, graph), abs=1e-5)
    assert found.probability == pytest.approx(float(model.predict(graph)[ASKED]), abs=1e-5)


def test_cases_that_look_the_same_are_scored_once(
    found: Explanation, model: MemrewardModel, graph: MemoryGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    score = Removals._distinct

    def counted(removals: Removals, present: Present) -> Worths:
        scored.append(len(present.text_S))
        return score(removals, present)

    monkeypatch.setattr(Removals, "_distinct", counted)
    assert explain(model, graph, graph.rollout_id_R[ASKED]) == found
    once = sum(scored)

    def each_by_itself(present: Present) -> tuple[Ints, Ints]:
        cases = np.arange(len(present.text_S))
        return cases, cases

    monkeypatch.setattr(Present, "distinct", each_by_itself)
    scored.clear()
    again = explain(model, graph, graph.rollout_id_R[ASKED])
    assert once < 0.9 * sum(scored)
    by_kind = {(item.kind, item.query_id): item.logit for item in found.contributions}
    for item in again.contributions:
        assert item.logit == pytest.approx(by_kind[item.kind, item.query_id], abs=1e-6)


def test_every_neighbour_is_there_with_its_labels(found: Explanation, graph: MemoryGraph) -> None:
    query = graph.query_of_rollout_R[ASKED]
    labelled_Q = np.bincount(graph.query_of_rollout_R[graph.labelled_R], minlength=60) > 0
    chosen = graph.similar_2E[1, graph.similar_2E[0] == query]
    neighbours = {item.query_id: item for item in found.contributions if item.kind == "neighbour"}
    assert set(neighbours) == {graph.query_id_Q[q] for q in chosen if labelled_Q[q]}
    assert neighbours
    for id_, item in neighbours.items():
        rows = np.flatnonzero(graph.query_of_rollout_R == graph.query_id_Q.index(str(id_)))
        said = {graph.rollout_id_R[row]: graph.verified_R[row] for row in rows}
        assert {sender.rollout_id: sender.reward for sender in item.senders} == said


def test_what_is_claimed_of_a_neighbour_is_what_its_removal_does(
    found: Explanation, model: MemrewardModel, graph: MemoryGraph
) -> None:
    query = graph.query_of_rollout_R[ASKED]
    for item in found.contributions:
        if item.kind != "neighbour":
            continue
        assert item.query_id is not None
        gone = graph.query_id_Q.index(item.query_id)
        kept = ~((graph.similar_2E[0] == query) & (graph.similar_2E[1] == gone))
        smaller = replace(
            graph,
            similar_2E=graph.similar_2E[:, kept],
            similar_score_E=graph.similar_score_E[kept],
        )
        change = mean_logit(model, smaller) - mean_logit(model, graph)
        assert item.logit_without == pytest.approx(change, abs=1e-5)
        again = explain(model, smaller, graph.rollout_id_R[ASKED])
        assert item.query_id not in {other.query_id for other in again.contributions}
        assert again.logit == pytest.approx(found.logit + change, abs=1e-5)


def test_unlabelling_all_neighbours_leaves_no_neighbour(
    model: MemrewardModel, graph: MemoryGraph
) -> None:
    bare = replace(graph, verified_R=np.full_like(graph.verified_R, np.nan))
    found = explain(model, bare, graph.rollout_id_R[ASKED])
    assert {item.kind for item in found.contributions} >= {"text", "standing", "signals"}
    assert "neighbour" not in {item.kind for item in found.contributions}
    assert found.logit == pytest.approx(mean_logit(model, bare), abs=1e-5)


def test_signals_are_removed_as_if_they_had_not_been_given(
    found: Explanation, model: MemrewardModel, graph: MemoryGraph
) -> None:
    (item,) = (item for item in found.contributions if item.kind == "signals")
    silent = replace(
        graph,
        policy_signals_R6=np.full_like(graph.policy_signals_R6, np.nan),
        policy_embedding_RP=graph.policy_embedding_RP[:, :0],
    )
    change = mean_logit(model, silent) - mean_logit(model, graph)
    assert item.logit_without == pytest.approx(change, abs=1e-5)
    assert abs(change) > 1e-4
    kinds = {c.kind for c in explain(model, silent, graph.rollout_id_R[ASKED]).contributions}
    assert "signals" not in kinds


@pytest.mark.parametrize("kind", ["text", "conclusion", "mates"])
def test_what_is_claimed_of_an_input_is_what_the_network_does_without_it(
    found: Explanation, model: MemrewardModel, graph: MemoryGraph, kind: str
) -> None:
    tables = model.tables(graph)
    query, own = graph.query_of_rollout_R[ASKED], tables.conclusion_R[ASKED]
    if kind == "text":
        table = tables.text_RF.copy()
        table[ASKED, : len(OWN_NAMES)] = 0
        tables = replace(tables, text_RF=table)
    data = make_batch(tables, np.array([query]))
    place = int(np.searchsorted(rollouts_of(data), ASKED))
    for edge in {"conclusion": [CONCLUDES], "mates": [REV_GENERATED]}.get(kind, []):
        sender = data[edge].edge_index[0]
        other = tables.conclusion_R[rollouts_of(data)][sender] != own
        kept = (sender == place) | torch.from_numpy(other & (kind == "conclusion"))
        assert not kept.all()
        data[edge].edge_index = data[edge].edge_index[:, kept]
    (item,) = (item for item in found.contributions if item.kind == kind)
    change = float(model.logits_of(data)[:, place].mean()) - found.logit
    assert item.logit_without == pytest.approx(change, abs=1e-5)
    assert abs(change) > 1e-4


def test_labels_of_one_neighbour_pull_their_own_way(
    model: MemrewardModel, graph: MemoryGraph
) -> None:
    """Equal labels of one neighbour share alike; they enter as a mean."""
    for item in explain(model, graph, graph.rollout_id_R[ASKED]).contributions:
        if item.kind == "neighbour":
            for reward in (0.0, 1.0):
                same = [s.logit for s in item.senders if s.reward == reward]
                assert same == pytest.approx([same[0]] * len(same), abs=1e-5) if same else True


def test_unknown_and_cut_off_rollouts(model: MemrewardModel, graph: MemoryGraph) -> None:
    with pytest.raises(InputError, match="no rollout"):
        explain(model, graph, "nobody")
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    with pytest.raises(InputError, match="no query"):
        explain(model, cut, graph.rollout_id_R[0])
