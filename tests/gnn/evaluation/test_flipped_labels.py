from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.evaluation.flipped_labels import FLIPS, SOURCES, SPOILT, flip_labels
from gnn.features.length import log_length
from schema.errors import InputError
from schema.memory_graph import Bools, MemoryGraph


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    graph, truth_R = make_graph(90, 4)
    return labelled(graph, truth_R, share=0.5)


def flipped_by(graph: MemoryGraph, kind: str, share: float = 0.2, seed: int = 0) -> Bools:
    told, flipped_R = flip_labels(graph, kind, share, seed=seed)
    differ_R = np.nan_to_num(told.verified_R, nan=-1) != np.nan_to_num(graph.verified_R, nan=-1)
    np.testing.assert_array_equal(differ_R, flipped_R)
    np.testing.assert_array_equal(told.labelled_R, graph.labelled_R)
    return flipped_R


@pytest.mark.parametrize("kind", sorted(FLIPS.keys() - SOURCES))
def test_as_many_labels_as_asked_and_no_others(graph: MemoryGraph, kind: str) -> None:
    for share in (0.0, 0.05, 0.2):
        assert flipped_by(graph, kind, share).sum() == round(share * graph.labelled_R.sum())


@pytest.mark.parametrize("kind", FLIPS)
def test_the_seed_decides(graph: MemoryGraph, kind: str) -> None:
    np.testing.assert_array_equal(flipped_by(graph, kind), flipped_by(graph, kind))
    other = any(
        not np.array_equal(flipped_by(graph, kind), flipped_by(graph, kind, seed=seed))
        for seed in range(1, 9)
    )
    assert other


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_one_of_five_sources_is_spoilt(graph: MemoryGraph, kind: str) -> None:
    told, flipped_R = flip_labels(graph, kind, 0.2, seed=0)
    assert told.source_name_S[0] == SPOILT
    source_R, query_R = told.source_of_rollout_R, told.query_of_rollout_R
    np.testing.assert_array_equal(source_R >= 0, graph.labelled_R)
    counts = np.bincount(source_R[source_R >= 0])
    assert len(counts) == 5
    assert np.ptp(counts) <= 4  # The rollouts of one query.
    for query in np.unique(query_R[source_R >= 0]):
        assert len(np.unique(source_R[query_R == query])) == 1
    own_R = source_R == 0
    wrong_R = own_R & (graph.verified_R == 0)
    expected_R = own_R
    if kind == "source-length":
        length_R = log_length(graph)
        expected_R = wrong_R & (length_R > np.median(length_R[wrong_R]))
    np.testing.assert_array_equal(flipped_R, expected_R)
    assert flipped_by(graph, kind, 0.0).sum() == 0


def test_by_length_long_wrong_ones_are_called_right(graph: MemoryGraph) -> None:
    wrong_R = graph.verified_R == 0
    length_R = log_length(graph)
    median = np.median(length_R[wrong_R])
    for share in (0.2, 0.4):
        flipped_R = flipped_by(graph, "length", share)
        assert wrong_R[flipped_R].all()
        short = int((length_R[flipped_R] <= median).sum())
        long = int((length_R[wrong_R] > median).sum())
        assert short == max(0, flipped_R.sum() - long)


def test_by_dataset_no_second_one_is_begun_before_the_first_is_full(graph: MemoryGraph) -> None:
    dataset_R = np.array(graph.dataset_Q)[graph.query_of_rollout_R]
    assert len(set(dataset_R[flipped_by(graph, "dataset")])) == 1
    flipped_R = flipped_by(graph, "dataset", 0.5)
    partly = [
        name
        for name in set(dataset_R[flipped_R])
        if not flipped_R[(dataset_R == name) & graph.labelled_R].all()
    ]
    assert len(set(dataset_R[flipped_R])) == 2
    assert len(partly) == 1


def test_by_annotator_whole_queries_are_wrong(graph: MemoryGraph) -> None:
    flipped_R = flipped_by(graph, "annotator")
    query_R = graph.query_of_rollout_R
    share_Q = np.bincount(query_R, weights=flipped_R)[np.unique(query_R[flipped_R])] / 4
    assert (share_Q == 1).sum() >= len(share_Q) - 1


def test_a_soft_label_is_mirrored(graph: MemoryGraph) -> None:
    soft = replace(graph, verified_R=np.where(graph.labelled_R, 0.3, np.nan).astype(np.float32))
    told, flipped_R = flip_labels(soft, "random", 0.5, seed=0)
    assert told.verified_R[flipped_R] == pytest.approx(0.7)


@pytest.mark.parametrize(("kind", "share"), [("moon", 0.1), ("random", 1.5)])
def test_what_cannot_be_flipped(graph: MemoryGraph, kind: str, share: float) -> None:
    with pytest.raises(InputError, match="random, length"):
        flip_labels(graph, kind, share, seed=0)
