"""The prior as a reward model: with no label, with few, and as a checkpoint."""

from dataclasses import replace

import numpy as np
from support.graph_factory import make_graph

from gnn.models import PriorModel


def test_no_label_is_needed_and_few_move_it() -> None:
    graph, truth_R = make_graph(30, 4, seed=3)
    bare = replace(graph, verified_R=np.full_like(truth_R, np.nan))
    unfitted = PriorModel().predict(bare)
    model = PriorModel()
    report = model.fit(bare, seed=0)
    assert (report.n_rollouts, report.n_queries) == (0, 0)
    assert np.corrcoef(model.predict(bare), unfitted)[0, 1] > 0.9
    few_R = np.where(graph.query_of_rollout_R < 3, 0.0, np.nan).astype(np.float32)
    model.fit(replace(graph, verified_R=few_R), seed=0)
    rest_R = graph.query_of_rollout_R >= 3
    assert model.predict(bare)[rest_R].mean() < unfitted[rest_R].mean()


def test_its_state_is_the_same_model() -> None:
    graph, truth_R = make_graph(30, 4, seed=3)
    model = PriorModel()
    model.fit(replace(graph, verified_R=truth_R), seed=0)
    again = PriorModel.from_state(*model.state())
    assert np.array_equal(again.predict(graph), model.predict(graph))
    PriorModel.from_state(*PriorModel().state()).predict(graph)


def test_a_rollout_without_a_query_has_no_value() -> None:
    graph, _ = make_graph(5, 2)
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    assert np.isnan(PriorModel().predict(cut)).sum() == 1
