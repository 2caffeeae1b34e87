"""Variants of the default model: each really lacks its part."""

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.features.assembly import rollout_features
from gnn.models.memreward.ablations import _FEATURES, ABLATIONS
from gnn.models.memreward.member import TrainConfig
from gnn.models.memreward.model import MemrewardConfig, MemrewardModel
from gnn.models.registry import REWARD_MODELS
from schema.memory_graph import Floats, MemoryGraph


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    return labelled(*make_graph(40, 4, signals=True, policy_dimension=4))


def quick(name: str) -> MemrewardModel:
    model = ABLATIONS[name]()
    config = model.config
    epochs = min(config.train.max_epochs, 3)
    model.config = replace(
        config,
        parts=2,
        net={**(config.net or {}), "hidden": 8, "heads": 2},
        train=replace(config.train, max_epochs=epochs, queries_a_batch=16),
    )
    return model


def scores(model: MemrewardModel, graph: MemoryGraph) -> Floats:
    model.fit(graph, seed=0)
    return model.predict(graph)


@pytest.fixture(scope="module")
def whole(graph: MemoryGraph) -> Floats:
    train = TrainConfig(max_epochs=3, queries_a_batch=16)
    net = {"hidden": 8, "heads": 2}
    return scores(MemrewardModel(MemrewardConfig(parts=2, net=net, train=train)), graph)


#: The graph of these tests has one kind of question, without code and options.
REACHED = sorted(set(ABLATIONS) - {"without-code", "without-options", "one-curve"})


@pytest.mark.parametrize("name", REACHED)
def test_the_part_had_an_effect(name: str, graph: MemoryGraph, whole: Floats) -> None:
    assert not np.array_equal(scores(quick(name), graph), whole)


@pytest.mark.parametrize("patterns", _FEATURES.values(), ids=list(_FEATURES))
def test_every_pattern_names_a_feature(patterns: str, graph: MemoryGraph) -> None:
    names = [name.partition("|")[0] for name in rollout_features(graph).text_names]
    for pattern in patterns.split():
        assert any(fnmatchcase(name, pattern) for name in names), pattern


def test_no_memory_can_be_given_one() -> None:
    assert not set(ABLATIONS) & set(REWARD_MODELS)
