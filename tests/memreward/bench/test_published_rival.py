from dataclasses import replace

import numpy as np
import torch
from support.graph_factory import make_graph

from gnn.models.published.model import PublishedConfig, PublishedModel
from memreward.bench.published_rival import PublishedWay
from schema.graph import SIMILAR


def test_the_rival_says_what_the_published_model_says() -> None:
    """Over the same graph, whose similar queries it has found as we did."""
    unlabelled, truth_R = make_graph(n_queries=40, k=7)
    graph = replace(unlabelled, verified_R=truth_R)
    model = PublishedModel(PublishedConfig(max_epochs=1))
    model.fit(graph, seed=0)
    rival = PublishedWay.of(graph, model._fitted_net().eval())
    data = rival.graph()
    found = {tuple(pair) for pair in data[SIMILAR].edge_index.t().tolist()}
    assert found == {tuple(pair) for pair in graph.similar_2E[::-1].T.tolist()}
    with torch.inference_mode():
        probability_R = rival.rewards(data).sigmoid().numpy()
    np.testing.assert_allclose(probability_R, model.predict(graph), atol=1e-5)
    seconds, _ = rival.step()
    assert seconds > 0
