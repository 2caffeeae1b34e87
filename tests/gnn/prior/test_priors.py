"""Priors: learned from some memories, and never asked about their own queries."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.graph_factory import make_graph

from gnn.base import auc
from gnn.evidence import NUMBER_NAMES, Opinions, Reliability, number_table
from gnn.prior import PACKAGED, PriorConfig, Priors, fit_priors, prior_for
from schema.errors import CheckpointError
from schema.memory_graph import Floats, MemoryGraph

SMALL = PriorConfig(tables=4, networks=1, hidden=8, steps=60, batch=128)


def memory(name: str, seed: int) -> MemoryGraph:
    graph, truth_R = make_graph(40, 4, seed=seed)
    texts = [f"{name} {text}" for text in graph.query_text_Q]
    return replace(graph, memory=name, query_text_Q=texts, verified_R=truth_R)


def numbers(graph: MemoryGraph) -> Floats:
    opinions, hidden_R = Opinions.of(graph), np.full_like(graph.verified_R, np.nan)
    voters = Reliability.fit(graph, opinions, hidden_R).of_voters(graph, opinions)
    return number_table(opinions, voters, hidden_R)


@pytest.fixture(scope="module")
def priors() -> Priors:
    return fit_priors([memory("one", 1), memory("two", 2)], config=SMALL)


def test_a_prior_never_judges_what_it_was_learned_from(priors: Priors) -> None:
    assert set(priors.priors) == {("one",), ("two",), ("one", "two")}
    assert priors.of(["a new question"]) is priors.priors["one", "two"]
    assert priors.of(["a new question", memory("one", 1).query_text_Q[3]]) is priors.priors["two",]
    both = [memory(name, seed).query_text_Q[0] for name, seed in (("one", 1), ("two", 2))]
    assert priors.of(both)(numbers(memory("one", 1))).tolist() == [0.0] * 160


def test_priors_are_kept_to_the_bit(priors: Priors, tmp_path: Path) -> None:
    priors.save(tmp_path / "p.safetensors")
    again = Priors.load(tmp_path / "p.safetensors")
    table = numbers(memory("three", 3))
    for memories, prior in priors.priors.items():
        assert np.array_equal(again.priors[memories](table), prior(table))
    save_file(load_file(tmp_path / "p.safetensors"), tmp_path / "q.safetensors", {"numbers": "[]"})
    with pytest.raises(CheckpointError, match="memreward prior"):
        Priors.load(tmp_path / "q.safetensors")


def test_the_packaged_prior_reads_the_numbers_of_this_version() -> None:
    assert len(Priors.load(PACKAGED).queries) == 3
    prior = prior_for(["A question that nobody asked before"])
    assert prior.first_NFH.shape[1] == len(NUMBER_NAMES)


def test_agreement_tells_right_from_wrong_before_any_label() -> None:
    graph, truth_R = make_graph(60, 6, seed=5)
    logit_R = prior_for(graph.query_text_Q)(numbers(graph))
    found = auc(logit_R, truth_R)
    assert found is not None and found > 0.7
