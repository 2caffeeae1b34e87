"""The published program's features of mathematical answers."""

from dataclasses import replace

import numpy as np
from support.graph_factory import make_graph

from gnn.models.published.numbers import NUMBER_FEATURES, number_features


def test_number_size_presence_and_majority() -> None:
    graph, _ = make_graph(n_queries=2, group=4)
    graph = replace(
        graph,
        domain_Q=["math", "qa"],
        conclusion_id_C=["a", "b", "c"],
        conclusion_key_C=["value:-7", "text:none", "value:2"],
        concludes_2E=np.array([[0, 1, 2, 4, 5], [0, 0, 1, 2, 2]]),
    )
    features = number_features(graph)
    assert features.shape == (8, len(NUMBER_FEATURES))
    np.testing.assert_allclose(features[0], [-np.log(8) / 20, 1, 1], rtol=1e-6)
    np.testing.assert_array_equal(features[0], features[1])
    assert not features[2:].any()


def test_huge_numbers_are_cut_and_a_minority_is_told() -> None:
    graph, _ = make_graph(n_queries=1, group=3)
    graph = replace(
        graph,
        domain_Q=["math"],
        conclusion_id_C=["a", "b"],
        conclusion_key_C=["value:" + "9" * 30, "value:1"],
        concludes_2E=np.array([[0, 1, 2], [0, 1, 1]]),
    )
    features = number_features(graph)
    np.testing.assert_array_equal(features[0], [1, 1, 0])
    assert features[1, 2] == 1
