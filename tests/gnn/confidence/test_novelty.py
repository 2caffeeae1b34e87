"""Novelty: what is unlike the labelled queries is found, locally, and survives a checkpoint."""

from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph, without_queries

from gnn.confidence.novelty import Novelty, group_table
from schema.memory_graph import Floats, MemoryGraph

N = 240


@pytest.fixture(scope="module")
def known() -> MemoryGraph:
    graph, truth_R = make_graph(N)
    # Texts that differ, and two directions that most queries share.
    query_QD = graph.query_embedding_QD.copy()
    query_QD[:, :2] += 2.0
    return labelled(replace(graph, query_embedding_QD=query_QD), truth_R)


@pytest.fixture(scope="module")
def group_QF(known: MemoryGraph) -> Floats:
    return group_table(known)


def test_few_of_the_same_kind_are_unlike(known: MemoryGraph, group_QF: Floats) -> None:
    novelty = Novelty.fit(known, group_QF)
    assert np.isfinite([novelty.least_cosine, novelty.largest_distance]).all()
    assert novelty.out_of_distribution(known, group_QF)[N // 2 :].mean() < 0.1


def test_another_text_is_unlike(known: MemoryGraph, group_QF: Floats) -> None:
    novelty = Novelty.fit(known, group_QF)
    query_QD = known.query_embedding_QD.copy()
    query_QD[N - 1] = -query_QD[: N // 2].mean(axis=0)
    alone = replace(known, query_embedding_QD=query_QD, similar_2E=known.similar_2E[:, :0])
    alone = replace(alone, similar_score_E=known.similar_score_E[:0])
    assert novelty.out_of_distribution(alone, group_QF)[N - 1]
    near = replace(
        alone,
        similar_2E=np.array([[N - 1], [0]]),
        similar_score_E=np.array([0.99], np.float32),
    )
    assert not novelty.out_of_distribution(near, group_QF)[N - 1], (
        "a labelled neighbour makes it known"
    )
    unlabelled = replace(near, similar_2E=np.array([[N - 1], [N - 2]]))
    assert novelty.out_of_distribution(unlabelled, group_QF)[N - 1], "an unlabelled one does not"


def test_another_looking_group_is_unlike(known: MemoryGraph, group_QF: Floats) -> None:
    novelty = Novelty.fit(known, group_QF)
    texts = list(known.answer_text_R)
    for row in np.flatnonzero(known.query_of_rollout_R == N - 1):
        texts[row] = "```python\ndef f(x):\n    for i in x:\n        print(i)\n```" * 9
    strange = replace(known, answer_text_R=texts)
    changed_QF = group_table(strange)
    assert novelty.out_of_distribution(strange, changed_QF)[N - 1]
    changed_QF[0] = changed_QF[N - 1]
    assert not novelty.out_of_distribution(strange, changed_QF)[0], "a query with a label is known"


def test_it_is_local(known: MemoryGraph, group_QF: Floats) -> None:
    novelty = Novelty.fit(known, group_QF)
    needed = np.zeros(N, bool)
    asked = [N - 3, N - 2, N - 1]
    needed[asked] = True
    needed[known.similar_2E[1, np.isin(known.similar_2E[0], asked)]] = True
    smaller, _ = without_queries(known, ~needed)
    places = [smaller.query_id_Q.index(known.query_id_Q[q]) for q in asked]
    whole = novelty.out_of_distribution(known, group_QF)[asked]
    np.testing.assert_array_equal(
        novelty.out_of_distribution(smaller, group_table(smaller))[places], whole
    )


def test_few_labels_exclude_nothing(known: MemoryGraph, group_QF: Floats) -> None:
    few = replace(
        known,
        verified_R=np.where(known.query_of_rollout_R < 20, known.verified_R, np.nan).astype(
            np.float32
        ),
    )
    novelty = Novelty.fit(few, group_QF)
    assert not novelty.out_of_distribution(few, group_QF * 100).any()
    tensors, config = novelty.state()
    assert config == {"least_cosine": None, "largest_distance": None}
    assert not Novelty.from_state(tensors, config).out_of_distribution(few, group_QF * 100).any()


def test_it_survives_its_state(known: MemoryGraph, group_QF: Floats) -> None:
    novelty = Novelty.fit(known, group_QF)
    again = Novelty.from_state(*novelty.state())
    assert again.largest_distance == novelty.largest_distance
    np.testing.assert_array_equal(
        again.out_of_distribution(known, group_QF), novelty.out_of_distribution(known, group_QF)
    )
