"""Variants of the default model: each really lacks its part."""

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.evidence import EVIDENCE_NAMES
from gnn.features.assembly import TEXT_NAMES
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.ablations import _FEATURES, ABLATIONS
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from gnn.models.registry import REWARD_MODELS
from schema.memory_graph import Floats, Ints, MemoryGraph


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    """Two signals tell together what is right, and each alone nothing: only a network learns it."""
    graph, truth_R = make_graph(60, 4, signals=True, policy_dimension=4)
    signals_R6 = graph.policy_signals_R6.copy()
    signals_R6[:, 1] = signals_R6[:, 0] * (2 * truth_R - 1)
    alone = replace(graph, policy_signals_R6=signals_R6, concludes_2E=shuffled(graph))
    return labelled(alone, truth_R, share=0.8)


def shuffled(graph: MemoryGraph) -> Ints:
    """Conclusions that say nothing of what is right."""
    answer_E, conclusion_E = graph.concludes_2E
    query_E = graph.query_of_rollout_R[answer_E]
    order = np.lexsort((np.random.default_rng(0).random(len(query_E)), query_E))
    return np.stack([answer_E, conclusion_E[order]])


TRAIN = TrainConfig(max_epochs=12, learning_rate=0.03, queries_a_batch=8)


def quick(name: str) -> MemrewardModel:
    model = ABLATIONS[name]()
    config = model.config
    epochs = min(config.train.max_epochs, TRAIN.max_epochs)
    model.config = replace(
        config,
        parts=2,
        net={**(config.net or {}), "hidden": 8, "heads": 2},
        train=replace(TRAIN, max_epochs=epochs, pair_weight=config.train.pair_weight),
    )
    return model


def scores(model: MemrewardModel, graph: MemoryGraph) -> Floats:
    model.fit(graph, seed=0)
    return model.predict(graph)


@pytest.fixture(scope="module")
def whole(graph: MemoryGraph) -> Floats:
    net = {"hidden": 8, "heads": 2}
    return scores(MemrewardModel(MemrewardConfig(parts=2, net=net, train=TRAIN)), graph)


#: The graph of these tests has one kind of question, without code and options.
REACHED = sorted(set(ABLATIONS) - {"without-code", "without-options", "one-curve"})


@pytest.mark.parametrize("name", REACHED)
def test_the_part_had_an_effect(name: str, graph: MemoryGraph, whole: Floats) -> None:
    assert not np.array_equal(scores(quick(name), graph), whole)


@pytest.mark.parametrize("patterns", _FEATURES.values(), ids=list(_FEATURES))
def test_every_pattern_names_a_feature(patterns: str, graph: MemoryGraph) -> None:
    names = [name.partition("|")[0] for name in TEXT_NAMES]
    names += EVIDENCE_NAMES
    for pattern in patterns.split():
        assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_no_memory_can_be_given_one() -> None:
    assert not set(ABLATIONS) & set(REWARD_MODELS)
