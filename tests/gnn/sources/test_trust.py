"""Sources that contradict what the others know are found, and only they."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph, without_queries

from gnn.evaluation.flipped_labels import SPOILT, flip_labels
from gnn.features.length import log_length
from gnn.sources.statements import taken_over
from gnn.sources.trust import SourceTrust
from gnn.sources.trusted_source import Verdict
from schema.memory_graph import Bools, Floats, MemoryGraph
from schema.reward import SAME_CONCLUSION


def honest_and_truth(n_queries: int = 200, seed: int = 0) -> tuple[MemoryGraph, Floats]:
    """All labels from five honest sources, a fifth of the queries each."""
    graph, truth_R = make_graph(n_queries, 6, seed=seed)
    graph = labelled(graph, truth_R, 1.0)
    spoilt, flipped_R = flip_labels(graph, "source", 0.2, seed=seed)
    told_R = np.where(flipped_R, 1 - spoilt.verified_R, spoilt.verified_R)
    return replace(spoilt, verified_R=told_R.astype(np.float32)), truth_R


def spoilt_by(kind: str, seed: int = 0) -> tuple[MemoryGraph, Bools, Floats]:
    graph, truth_R = make_graph(200, 6, seed=seed)
    return *flip_labels(labelled(graph, truth_R, 1.0), kind, 0.2, seed=seed), truth_R


@pytest.mark.parametrize("seed", range(3))
def test_honest_sources_are_believed_to_the_bit(seed: int) -> None:
    graph, _ = honest_and_truth(seed=seed)
    trust = SourceTrust.fit(graph)
    assert {found.verdict for found in trust.sources.values()} == {Verdict.BELIEVED}
    assert trust.believed(graph) is graph
    assert all((found.reliability or 0) > 0.8 for found in trust.sources.values())
    assert sum(found.labels for found in trust.sources.values()) == graph.labelled_R.sum()


@pytest.mark.parametrize("seed", range(3))
def test_who_says_the_opposite_is_turned_round(seed: int) -> None:
    graph, flipped_R, truth_R = spoilt_by("source", seed)
    trust = SourceTrust.fit(graph)
    assert trust.most_contradicted[0] == SPOILT
    found = trust.sources[SPOILT]
    assert found.verdict is Verdict.OPPOSITE
    assert found.reliability is not None and found.reliability < 0.3
    assert found.contradicted is not None and found.contradicted > 0.5
    assert sum(not one.believed for one in trust.sources.values()) == 1
    believed_R = trust.believed(graph).verified_R
    np.testing.assert_array_equal(believed_R[~flipped_R], truth_R[~flipped_R])
    kept_R = flipped_R & ~np.isnan(believed_R)
    assert np.abs(believed_R - truth_R)[kept_R].mean() < 0.3


def test_who_favours_long_answers_is_believed_on_short_ones_alone() -> None:
    graph, flipped_R, truth_R = spoilt_by("source-length")
    trust = SourceTrust.fit(graph)
    assert trust.most_contradicted[0] == SPOILT
    assert trust.sources[SPOILT].verdict is Verdict.LENGTH
    believed = trust.believed(graph)
    length_R, own_R = log_length(graph), graph.source_of_rollout_R == 0
    long_R = own_R & (length_R > trust.cuts[-1])
    assert np.isnan(believed.verified_R[long_R]).all()
    np.testing.assert_array_equal(believed.verified_R[~own_R], truth_R[~own_R])
    wrong = np.nansum(np.abs(believed.verified_R - truth_R)[own_R])
    assert wrong < flipped_R.sum() / 2


def test_a_graded_reward_stays_graded() -> None:
    graph, flipped_R, _ = spoilt_by("source")
    trust = SourceTrust.fit(graph)
    row = int(np.flatnonzero(flipped_R)[0])
    values: list[float] = []
    for reward in (0.0, 0.5, 1.0):
        told_R = graph.verified_R.copy()
        told_R[row] = reward
        values.append(float(trust.believed(replace(graph, verified_R=told_R)).verified_R[row]))
    wrong, half, right = values
    assert wrong > 0.5 > right
    assert half == pytest.approx((wrong + right) / 2, abs=1e-6)


def test_what_is_believed_is_nobody_s_word_and_stays() -> None:
    graph, flipped_R, _ = spoilt_by("source")
    trust = SourceTrust.fit(graph)
    believed = trust.believed(graph)
    assert (believed.source_of_rollout_R[flipped_R] == -1).all()
    assert trust.believed(believed) is believed


def test_a_part_of_the_graph_is_believed_alike() -> None:
    graph, _, _ = spoilt_by("source-length")
    trust = SourceTrust.fit(graph)
    removed_Q = np.arange(len(graph.query_id_Q)) % 3 > 0
    part, kept_R = without_queries(graph, removed_Q)
    np.testing.assert_array_equal(
        trust.believed(part).verified_R, trust.believed(graph).verified_R[kept_R]
    )


def test_estimates_are_kept() -> None:
    graph, _, _ = spoilt_by("source")
    trust = SourceTrust.fit(graph)
    again = SourceTrust.from_json(json.loads(json.dumps(trust.to_json())))
    assert again == trust
    np.testing.assert_array_equal(
        again.believed(graph).verified_R, trust.believed(graph).verified_R
    )


def test_one_source_alone_is_not_compared() -> None:
    graph, truth_R = make_graph(60, 6)
    told = labelled(graph, 1 - truth_R, 1.0)
    trust = SourceTrust.fit(told)
    assert trust.believed(told) is told
    assert trust.sources["file"].verdict is Verdict.UNTESTED
    assert trust.sources["file"].labels == told.labelled_R.sum()
    assert SourceTrust.fit(graph).sources == {}


def test_too_little_from_others_says_nothing() -> None:
    graph, flipped_R, _ = spoilt_by("source")
    others = np.unique(graph.query_of_rollout_R[~flipped_R])[9:]
    told_R = np.where(np.isin(graph.query_of_rollout_R, others), np.nan, graph.verified_R)
    few = replace(graph, verified_R=told_R.astype(np.float32))
    trust = SourceTrust.fit(few)
    assert trust.sources[SPOILT].verdict is Verdict.UNTESTED
    assert trust.believed(few) is few


def test_of_two_halves_that_contradict_each_other_both_are_believed() -> None:
    graph, truth_R = make_graph(200, 6)
    told, _ = flip_labels(labelled(graph, truth_R, 1.0), "source", 0.5, seed=0)
    trust = SourceTrust.fit(told)
    assert trust.sources[SPOILT].evidence > 10
    assert trust.believed(told) is told


def test_three_who_speak_of_the_same_rollouts() -> None:
    """The one who lies is not averaged with the two others; without him nothing changes."""
    graph, truth_R = make_graph(80, 6)
    rows, n_rollouts = np.arange(len(truth_R)), len(truth_R)
    told = replace(
        graph,
        source_name_S=["ann", "bob", "eve"],
        source_of_rollout_R=np.full(n_rollouts, 2),
        said_2W=np.stack([np.repeat([0, 1, 2], n_rollouts), np.tile(rows, 3)]),
        said_reward_W=np.concatenate([truth_R, truth_R, 1 - truth_R]),
        verified_R=((1 + truth_R) / 3).astype(np.float32),
    )
    trust = SourceTrust.fit(told)
    assert trust.most_contradicted[0] == "eve"
    assert trust.sources["eve"].verdict is Verdict.OPPOSITE
    assert trust.sources["ann"].believed and trust.sources["bob"].believed
    believed = trust.believed(told)
    np.testing.assert_array_less(np.abs(believed.verified_R - truth_R), 0.1)
    hidden = replace(told, verified_R=np.full_like(truth_R, np.nan))
    assert trust.believed(hidden) is hidden


def test_a_verdict_that_was_taken_over_is_no_statement_and_follows_what_is_believed() -> None:
    graph, _, _ = spoilt_by("source")
    conclusion_R = graph.conclusion_of_rollout_R
    taken_R = np.zeros(len(conclusion_R), dtype=np.bool_)
    for conclusion in np.unique(conclusion_R[conclusion_R >= 0]):
        rows = np.flatnonzero(graph.labelled_R & (conclusion_R == conclusion))
        taken_R[rows[1:]] = True
    assert taken_R.any()
    bare = replace(
        graph,
        verified_R=np.where(taken_R, np.nan, graph.verified_R).astype(np.float32),
        source_of_rollout_R=np.where(taken_R, -1, graph.source_of_rollout_R),
    )
    copies = replace(
        graph,
        source_name_S=[*graph.source_name_S, SAME_CONCLUSION],
        source_of_rollout_R=np.where(taken_R, len(graph.source_name_S), graph.source_of_rollout_R),
    )
    assert (taken_over(copies) == taken_R).all()
    trust = SourceTrust.fit(copies)
    assert SAME_CONCLUSION not in trust.sources
    assert trust.to_json() == SourceTrust.fit(bare).to_json()
    assert trust.sources[SPOILT].verdict is Verdict.OPPOSITE
    believed_R = trust.believed(copies).verified_R
    kept_R = trust.believed(bare).verified_R
    np.testing.assert_array_equal(believed_R[~taken_R], kept_R[~taken_R])
    for row in np.flatnonzero(taken_R):
        mates = (conclusion_R == conclusion_R[row]) & ~taken_R & graph.labelled_R
        np.testing.assert_allclose(believed_R[row], kept_R[mates].mean(), rtol=1e-6)
