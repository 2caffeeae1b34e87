"""Kinds of questions, read from texts alone."""

from dataclasses import replace

import numpy as np
from support.graph_factory import make_graph

from gnn.features.assembly import rollout_features
from gnn.features.question_kind import Kind, rollout_kinds


def test_options_code_and_anything_else() -> None:
    graph, _ = make_graph(3, 4)
    texts = list(graph.query_text_Q)
    texts[1] = "Which is a metal?\nA. wood\nB. iron\nC. air\nD. water"
    code = "```python\ndef double(x):\n    return 2 * x\n```"
    answers = [
        code if query == 2 and row % 4 < 3 else text
        for row, (query, text) in enumerate(
            zip(graph.query_of_rollout_R, graph.answer_text_R, strict=True)
        )
    ]
    graph = replace(graph, query_text_Q=texts, answer_text_R=answers, domain_Q=["x"] * 3)
    query_R = graph.query_of_rollout_R.copy()
    query_R[0] = -1
    kind_R = rollout_kinds(rollout_features(graph), query_R, 3)
    expected = np.repeat([Kind.OTHER, Kind.OPTIONS, Kind.CODE], 4)
    np.testing.assert_array_equal(kind_R, expected)
