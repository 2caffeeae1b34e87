"""The published model: learns, stops at the best weights, and needs no more than its inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph, without_queries
from torch import nn

from gnn.base.early_stopping import EarlyStopping
from gnn.base.metrics import auc
from gnn.data.pyg import GATv2Conv, HeteroConv
from gnn.models.published.model import PublishedConfig, PublishedModel
from gnn.models.published.network import EDGE_TYPES, NODE_TYPES, PublishedNet
from schema.errors import TrainingError

QUICK = PublishedConfig(hidden=32, scored=16, max_epochs=3, patience=3)


def test_has_the_published_shape() -> None:
    net = PublishedNet(384, 3)
    assert {t: (m.in_features, m.out_features) for t, m in net.project.items()} == {
        t: (384, 512) for t in NODE_TYPES
    }
    assert len(net.convs) == 2
    for conv in net.convs:
        assert isinstance(conv, HeteroConv)
        assert conv.aggr == "mean"
        layers = [layer for layer in conv.convs.values() if isinstance(layer, GATv2Conv)]
        assert {(layer.heads, layer.out_channels) for layer in layers} == {(4, 128)}
        assert len(layers) == 5
    for head, width in ((net.query_head, 512), (net.response_head, 1536)):
        assert (head[0].in_features, head[0].out_features) == (width, 256)
        assert isinstance(head[1], nn.LayerNorm)
    assert {target for _, _, target in EDGE_TYPES} == set(NODE_TYPES)


def test_learns_what_can_be_learnt() -> None:
    graph, truth_R = make_graph(n_queries=60, seed=2)
    known = labelled(graph, truth_R, 0.6)
    model = PublishedModel(PublishedConfig(hidden=32, scored=16, max_epochs=25, patience=25))
    report = model.fit(known, seed=0)
    hidden_R = ~known.labelled_R
    assert (auc(model.predict(known)[hidden_R], truth_R[hidden_R]) or 0) > 0.8
    assert report.n_queries == 36
    assert report.n_validation_queries == 7
    assert 1 <= report.best_epoch <= report.epochs <= 25
    assert set(report.metrics) >= {"loss", "auc"}


def test_the_same_seed_gives_the_same_model_and_leaves_torch_alone() -> None:
    graph, truth_R = make_graph()
    known = labelled(graph, truth_R)
    state = torch.random.get_rng_state()
    predictions = []
    for seed in (0, 0, 1):
        model = PublishedModel(QUICK)
        model.fit(known, seed=seed)
        predictions.append(model.predict(known))
    np.testing.assert_array_equal(predictions[0], predictions[1])
    assert (predictions[0] != predictions[2]).any()
    assert torch.equal(state, torch.random.get_rng_state())


def test_unlabelled_rewards_do_not_matter() -> None:
    graph, truth_R = make_graph()
    predictions = []
    for reward_R in (truth_R, np.where(labelled(graph, truth_R).labelled_R, truth_R, 1 - truth_R)):
        model = PublishedModel(QUICK)
        known = labelled(graph, reward_R.astype(np.float32))
        model.fit(known, seed=0)
        predictions.append(model.predict(known))
    np.testing.assert_array_equal(*predictions)


def test_predicts_on_a_graph_that_grew() -> None:
    grown, truth_R = make_graph(n_queries=20, k=2)
    removed_Q = np.arange(20) % 4 == 3
    before, kept_R = without_queries(grown, removed_Q)
    model = PublishedModel(QUICK)
    model.fit(labelled(before, truth_R[kept_R]), seed=0)
    probability_R = model.predict(grown)
    assert probability_R.shape == truth_R.shape
    assert ((probability_R > 0) & (probability_R < 1)).all()


def test_chunks_give_what_one_pass_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, truth_R = make_graph()
    model = PublishedModel(QUICK)
    model.fit(labelled(graph, truth_R), seed=0)
    whole = model.predict(graph)
    monkeypatch.setattr(model, "predict_at_once", 5)
    np.testing.assert_allclose(model.predict(graph), whole, atol=1e-5)


def test_a_changed_similarity_edge_changes_predictions() -> None:
    graph, truth_R = make_graph()
    model = PublishedModel(QUICK)
    model.fit(labelled(graph, truth_R), seed=0)
    moved = graph.similar_2E.copy()
    moved[1, 0] = (moved[1, 0] + 3) % 12
    changed = model.predict(replace(graph, similar_2E=moved)) != model.predict(graph)
    assert changed[graph.query_of_rollout_R == moved[0, 0]].all()
    assert not changed.all()


def test_a_rollout_without_query_gets_no_opinion() -> None:
    graph, truth_R = make_graph()
    model = PublishedModel(QUICK)
    model.fit(labelled(graph, truth_R), seed=0)
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    assert np.flatnonzero(np.isnan(model.predict(cut))).tolist() == [0]


def test_refuses_other_embeddings_no_labels_and_no_fit() -> None:
    graph, truth_R = make_graph()
    model = PublishedModel(QUICK)
    with pytest.raises(TrainingError, match="not been fitted"):
        model.predict(graph)
    with pytest.raises(TrainingError, match="no verified rewards"):
        model.fit(graph, seed=0)
    model.fit(labelled(graph, truth_R), seed=0)
    with pytest.raises(TrainingError, match="8 dimensions"):
        model.predict(replace(graph, query_embedding_QD=graph.query_embedding_QD[:, :4]))


def test_early_stopping_keeps_the_best_weights_not_the_last() -> None:
    model = nn.Linear(1, 1, bias=False)
    stopping = EarlyStopping(patience=2)
    for weight, loss in ((1.0, 0.5), (2.0, 0.2), (3.0, 0.9), (4.0, float("nan"))):
        assert not stopping.should_stop
        with torch.no_grad():
            model.weight.fill_(weight)
        stopping.update(loss, model)
    assert stopping.should_stop
    stopping.restore(model)
    assert model.weight.item() == 2.0
    assert (stopping.best_epoch, stopping.best_loss) == (2, 0.2)
