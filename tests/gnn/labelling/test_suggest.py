"""Suggested queries: one of each part without a label, the largest parts first."""

import numpy as np
import pytest

from gnn.labelling.suggest import suggest_queries
from schema.errors import InputError
from schema.memory_graph import Floats

SIZES = (12, 8, 4)


@pytest.fixture
def clusters() -> Floats:
    """Three clusters of queries of sizes 12, 8 and 4, far from one another."""
    rng = np.random.default_rng(0)
    centres = np.eye(6)[[0, 2, 4]] * 5
    rows = np.repeat(centres, SIZES, axis=0) + rng.normal(scale=0.2, size=(sum(SIZES), 6))
    return rows.astype(np.float32)


def cluster_of(query: int) -> int:
    return int(np.searchsorted(np.cumsum(SIZES), query, side="right"))


def test_before_any_label_each_cluster_gets_one(clusters: Floats) -> None:
    found = suggest_queries(clusters, np.zeros(24, bool), 3)
    assert [cluster_of(item.query) for item in found] == [0, 1, 2]
    assert [item.stands_for for item in found] == [12, 8, 4]
    assert all(item.nearest_label is None for item in found)


def test_it_takes_the_typical_query(clusters: Floats) -> None:
    (first, *_) = suggest_queries(clusters, np.zeros(24, bool), 3)
    unit = clusters / np.linalg.norm(clusters, axis=1, keepdims=True)
    centre = unit[:12].mean(axis=0)
    assert first.query == np.linalg.norm(unit[:12] - centre, axis=1).argmin()


def test_what_is_labelled_is_left_alone(clusters: Floats) -> None:
    labelled_Q = np.zeros(24, bool)
    labelled_Q[[0, 20]] = True
    (only,) = suggest_queries(clusters, labelled_Q, 1)
    assert cluster_of(only.query) == 1
    assert only.nearest_label is not None
    assert only.nearest_label < 0.5


def test_no_query_twice_and_none_that_has_a_label(clusters: Floats) -> None:
    labelled_Q = np.zeros(24, bool)
    labelled_Q[:6] = True
    queries = [item.query for item in suggest_queries(clusters, labelled_Q, 100)]
    assert sorted(queries) == list(range(6, 24))


def test_equal_texts_all_get_their_turn() -> None:
    same = np.ones((5, 3), np.float32)
    labelled_Q = np.array([True, False, False, False, False])
    found = suggest_queries(same, labelled_Q, 2)
    assert [item.query for item in found] == [1, 2]


def test_a_budget_of_nothing(clusters: Floats) -> None:
    with pytest.raises(InputError, match="at least 1"):
        suggest_queries(clusters, np.zeros(24, bool), 0)
