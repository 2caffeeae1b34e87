"""Splits by query."""

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.base.splits import final_queries, is_final, train_validation
from schema.errors import TrainingError


def test_final_is_about_thirty_percent_and_depends_on_the_text_alone() -> None:
    graph, _ = make_graph(n_queries=400, group=1)
    mask = final_queries(graph)
    assert 0.22 < mask.mean() < 0.38
    assert mask.tolist() == [is_final(text) for text in graph.query_text_Q]


def test_validation_and_training_queries_are_apart() -> None:
    graph, truth_R = make_graph(n_queries=20)
    known = labelled(graph, truth_R, 0.5)
    train, validation = train_validation(known, known.labelled_R, seed=0)
    assert len(validation) == 2
    assert sorted([*train, *validation]) == list(range(10))
    again = train_validation(known, known.labelled_R, seed=0)
    np.testing.assert_array_equal(validation, again[1])
    others = [train_validation(known, known.labelled_R, seed=s)[1].tolist() for s in range(1, 6)]
    assert any(other != validation.tolist() for other in others)


def test_one_labelled_query_is_too_few() -> None:
    graph, truth_R = make_graph(n_queries=10)
    known = labelled(graph, truth_R, 0.1)
    with pytest.raises(TrainingError, match="at least two"):
        train_validation(known, known.labelled_R, seed=0)
