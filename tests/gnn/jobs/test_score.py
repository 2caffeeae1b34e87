"""Scores from a neighbourhood are those of a full pass, for every model."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.graph_factory import labelled, make_graph
from support.snapshot_factory import snapshot_of, with_real_ids

from gnn.base.reward_model import RewardModel
from gnn.evaluation.flipped_labels import flip_labels
from gnn.features.assembly import own_features
from gnn.features.cache import KeptFeatures
from gnn.jobs.score import predict_queries, prediction_reach
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from gnn.models.prior_model import PriorModel
from gnn.models.published.model import PublishedConfig, PublishedModel
from gnn.models.registry import REWARD_MODELS, reward_model
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import cut
from schema.graph import SIMILAR
from schema.memory_graph import Ints, MemoryGraph
from schema.score import Reach

#: Small and quickly trained.
SMALL = {
    "memreward": lambda: MemrewardModel(MemrewardConfig(parts=2, train=TrainConfig(max_epochs=2))),
    "published": lambda: PublishedModel(PublishedConfig(hidden=16, scored=8, max_epochs=2)),
}


def graph_of(seed: int, n_queries: int = 24, k: int = 3, group: int = 4) -> MemoryGraph:
    graph, truth_R = make_graph(
        n_queries, group, seed=seed, k=k, signals=seed % 2 == 0, policy_dimension=2 * (seed % 3)
    )
    rng = np.random.default_rng(seed)
    shown = labelled(with_real_ids(graph), truth_R, 1.0)
    hidden_R = rng.random(n_queries)[graph.query_of_rollout_R] < 0.5
    return replace(shown, verified_R=np.where(hidden_R, np.nan, shown.verified_R))


@pytest.fixture(scope="module")
def fitted() -> dict[str, RewardModel]:
    graph = replace(graph_of(0, 40), policy_embedding_RP=np.zeros((160, 0), np.float32))
    models: dict[str, RewardModel] = {}
    for name in REWARD_MODELS:
        models[name] = SMALL.get(name, reward_model(name))()
        models[name].fit(graph, seed=0)
    return models


def perturbed(graph: MemoryGraph, rng: np.random.Generator) -> MemoryGraph:
    """Some edges fewer, and similarity edges drawn anew, as by hand."""
    gone = rng.integers(len(graph.rollout_id_R), size=2)
    kept_E = rng.random(graph.similar_2E.shape[1]) < 0.8
    similar_2E = graph.similar_2E[:, kept_E]
    similar_2E[1] = rng.permutation(similar_2E[1])
    return replace(
        graph,
        generated_2E=np.delete(graph.generated_2E, gone[:1], axis=1),
        leads_to_2E=np.delete(graph.leads_to_2E, gone[1:], axis=1),
        similar_2E=similar_2E,
        similar_score_E=graph.similar_score_E[kept_E],
        policy_embedding_RP=graph.policy_embedding_RP[:, :0],
    )


@pytest.mark.parametrize("name", REWARD_MODELS)
@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6), n_queries=st.integers(3, 30), k=st.integers(1, 5))
def test_scores_are_those_of_the_full_pass(
    fitted: dict[str, RewardModel], name: str, seed: int, n_queries: int, k: int
) -> None:
    rng = np.random.default_rng(seed)
    graph = perturbed(graph_of(seed, n_queries, k), rng)
    if name == "logistic":
        graph = replace(graph, policy_signals_R6=np.full_like(graph.policy_signals_R6, np.nan))
    asked = rng.choice(n_queries, size=int(rng.integers(1, n_queries)), replace=False)
    full_R = fitted[name].predict(graph)
    with TemporaryDirectory() as home:
        snapshot = snapshot_of(graph, Path(home))
        kept = KeptFeatures(snapshot.files.folder)
        for _ in range(2):  # The second time with features that are kept.
            found = predict_queries(fitted[name], None, snapshot, asked, kept)
            got = dict(zip(found.rollout_id_R, found.value_R.tolist(), strict=True))
            for row in np.flatnonzero(np.isin(graph.query_of_rollout_R, asked)):
                assert got[graph.rollout_id_R[row]] == pytest.approx(full_R[row], abs=1e-5)


def test_scores_are_those_of_the_full_pass_where_a_source_is_not_believed(tmp_path: Path) -> None:
    graph, truth_R = make_graph(100, 6, k=4)
    told, flipped_R = flip_labels(
        labelled(with_real_ids(graph), truth_R, 0.9), "source", 0.2, seed=0
    )
    both = np.flatnonzero(told.source_of_rollout_R == 1)[:20]  # Source 0 contradicts it here.
    told = replace(
        told,
        said_2W=np.stack([np.repeat([0, 1], len(both)), np.tile(both, 2)]),
        said_reward_W=np.concatenate([1 - truth_R[both], truth_R[both]]),
        verified_R=np.where(np.isin(np.arange(len(truth_R)), both), 0.5, told.verified_R).astype(
            np.float32
        ),
    )
    model = SMALL["memreward"]()
    assert isinstance(model, MemrewardModel)
    model.fit(told, seed=0)
    assert not model.trust.sources["source 0"].believed
    full_R = model.predict(told)
    naive_R = model.predict(replace(told, source_name_S=["x", *told.source_name_S[1:]]))
    assert not np.allclose(full_R[~flipped_R], naive_R[~flipped_R], atol=1e-3)
    snapshot = snapshot_of(told, tmp_path)
    for asked in (np.arange(10), np.arange(85, 100)):
        found = predict_queries(model, None, snapshot, asked, KeptFeatures(snapshot.files.folder))
        got = dict(zip(found.rollout_id_R, found.value_R.tolist(), strict=True))
        for row in np.flatnonzero(np.isin(told.query_of_rollout_R, asked)):
            assert got[told.rollout_id_R[row]] == pytest.approx(full_R[row], abs=1e-5)


def test_features_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(0)
    snapshot = snapshot_of(graph, tmp_path)
    part = cut(snapshot, np.arange(10), MemrewardModel.reach)
    expected = own_features(part.graph)
    first = KeptFeatures(snapshot.files.folder).fill(part)
    np.testing.assert_array_equal(first.own_features_RF, expected)
    monkeypatch.setattr("gnn.features.cache.own_rows", lambda *_: pytest.fail("computed again"))
    again = KeptFeatures(snapshot.files.folder, write=False).fill(part)
    np.testing.assert_array_equal(again.own_features_RF, expected)


def test_rollouts_of_labelled_queries_are_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new query's score needs no more than its own rollouts' features then."""
    graph = graph_of(0)
    snapshot = snapshot_of(graph, tmp_path)
    shown = np.unique(graph.query_of_rollout_R[graph.labelled_R])
    of_shown_R = np.isin(graph.query_of_rollout_R, shown)
    kept = KeptFeatures(snapshot.files.folder)
    assert kept.prepare(snapshot) == of_shown_R.sum()
    assert 0 < of_shown_R.sum() < len(of_shown_R)
    assert KeptFeatures(snapshot.files.folder).prepare(snapshot) == 0
    part = cut(snapshot, shown, Reach(hops=0))
    monkeypatch.setattr("gnn.features.cache.own_rows", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(kept.fill(part).own_features_RF, own_features(part.graph))


def test_a_torn_row_is_computed_again(tmp_path: Path) -> None:
    graph = graph_of(0)
    snapshot = snapshot_of(graph, tmp_path)
    part = cut(snapshot, np.arange(10), MemrewardModel.reach)
    kept = KeptFeatures(snapshot.files.folder)
    expected = kept.fill(part).own_features_RF
    path = next(snapshot.files.folder.glob("own-*"))
    data = bytearray(path.read_bytes())
    data[40] ^= 4
    data[-200:] = bytes(200)
    path.write_bytes(data)
    again = KeptFeatures(snapshot.files.folder).fill(part)
    np.testing.assert_array_equal(again.own_features_RF, expected)


def test_a_query_without_neighbours_is_scored_alike_alone_and_in_company(
    fitted: dict[str, RewardModel], tmp_path: Path
) -> None:
    graph = replace(graph_of(0), policy_embedding_RP=np.zeros((96, 0), np.float32))
    kept_E = graph.similar_2E[0] != 5
    graph = replace(
        graph,
        similar_2E=graph.similar_2E[:, kept_E],
        similar_score_E=graph.similar_score_E[kept_E],
    )
    model = deepcopy(fitted["memreward"])
    assert isinstance(model, MemrewardModel)
    for member in model._members:  # As after longer training.
        conv = member.net.up_to_queries.convs[SIMILAR]
        torch.nn.init.ones_(conv.bias)  # pyright: ignore
    full_R = model.predict(graph)
    snapshot = snapshot_of(graph, tmp_path)
    kept = KeptFeatures(snapshot.files.folder)
    found = predict_queries(model, None, snapshot, np.array([5]), kept)
    got = dict(zip(found.rollout_id_R, found.value_R.tolist(), strict=True))
    for row in np.flatnonzero(graph.query_of_rollout_R == 5):
        assert got[graph.rollout_id_R[row]] == pytest.approx(full_R[row], abs=1e-6)


def test_the_work_does_not_grow_with_the_memory(
    fitted: dict[str, RewardModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_read = []
    for n_queries in (50, 800):
        graph = graph_of(1, n_queries)
        snapshot = snapshot_of(graph, tmp_path / str(n_queries))
        taken: list[int] = []
        for name in ("take", "texts", "verified", "ends", "ids"):
            _count_rows(snapshot, name, taken, monkeypatch)
        kept = KeptFeatures(snapshot.files.folder)
        predict_queries(fitted["memreward"], None, snapshot, np.array([3, 9]), kept)
        rows_read.append(max(taken))
    assert rows_read[1] < 1.5 * rows_read[0] < 100


def _count_rows(
    snapshot: Snapshot, name: str, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = getattr(snapshot, name)

    def counting(*arguments: Any) -> Any:
        taken.append(len(arguments[-1]))
        return inner(*arguments)

    monkeypatch.setattr(snapshot, name, counting)


@pytest.mark.parametrize("model", [PriorModel, MemrewardModel])
def test_embeddings_of_texts_are_read_by_no_model_that_needs_none(
    model: type[PriorModel | MemrewardModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, read = snapshot_of(graph_of(0), tmp_path), list[str]()
    take = Snapshot.take

    def taken(self: Snapshot, column: str, rows: Ints) -> object:
        read.append(column)
        return take(self, column, rows)

    monkeypatch.setattr(Snapshot, "take", taken)
    reach = prediction_reach(model())
    graph = cut(snapshot, np.arange(10), reach).graph
    unread = {"answer.embedding", "answer.thinking_embedding"}
    assert "query.embedding" in read
    assert not unread & set(read)
    assert graph.answer_embedding_RD.shape == (len(graph.rollout_id_R), 0)
    cut(snapshot, np.arange(10), replace(reach, text_embeddings=True))
    assert unread <= set(read)
