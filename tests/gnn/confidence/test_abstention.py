"""Opinions: value, confidence and silence, and what of it a checkpoint keeps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.base.reward_model import Held
from gnn.checkpoints.checkpoint import MANIFEST, load_caution, load_checkpoint, save_checkpoint
from gnn.confidence.abstention import Caution, certainty, form_opinions
from gnn.confidence.thresholds import OneSided, Thresholds
from gnn.models.baselines.logistic import LogisticModel
from schema.errors import CheckpointError, InputError
from schema.memory_graph import Floats, MemoryGraph


@pytest.fixture(scope="module")
def grown() -> tuple[MemoryGraph, Floats]:
    graph, truth_R = make_graph(240)
    return labelled(graph, truth_R), truth_R


@pytest.fixture(scope="module")
def fitted(grown: tuple[MemoryGraph, Floats]) -> tuple[LogisticModel, Caution, MemoryGraph]:
    """A model with held-out predictions made up from its own."""
    graph, truth_R = grown
    model = LogisticModel()
    report = model.fit(graph, seed=0)
    held = Held(probability_L=model.predict(graph), reward_L=truth_R)
    return model, Caution.fit(graph, replace(report, held=held)), graph


def test_silence_where_the_query_is_unlike_anything(
    fitted: tuple[LogisticModel, Caution, MemoryGraph],
) -> None:
    model, caution, graph = fitted
    texts = list(graph.answer_text_R)
    strange_R = graph.query_of_rollout_R == 239
    for row in np.flatnonzero(strange_R):
        texts[row] = "```python\ndef f(x):\n    return [i for i in x]\n```" * 9
    opinions = form_opinions(model, caution, replace(graph, answer_text_R=texts))
    assert opinions.unlike_R[strange_R].all()
    assert opinions.no_opinion_R[strange_R].all()
    assert opinions.no_opinion_R.mean() < 0.1
    assert np.isfinite(opinions.value_R).all()
    np.testing.assert_array_equal(opinions.confidence_R, certainty(opinions.value_R))


def test_silence_between_the_thresholds(
    fitted: tuple[LogisticModel, Caution, MemoryGraph],
) -> None:
    model, caution, graph = fitted
    low, high = np.quantile(model.predict(graph), [0.25, 0.75]).tolist()
    thresholds = Thresholds(
        right=OneSided(thresholds=(0.0, high), precisions=(0.5, 0.95)),
        wrong=OneSided(thresholds=(0.0, 1 - low), precisions=(0.5, 0.95)),
    )
    caution = replace(caution, thresholds=thresholds)
    opinions = form_opinions(model, caution, graph, precision=0.9)
    expected_R = (opinions.value_R > low) & (opinions.value_R < high)
    np.testing.assert_array_equal(
        opinions.no_opinion_R & ~opinions.unlike_R, expected_R & ~opinions.unlike_R
    )
    assert 0.4 < opinions.no_opinion_R.mean() < 0.6


def test_a_rollout_without_a_query(fitted: tuple[LogisticModel, Caution, MemoryGraph]) -> None:
    model, caution, graph = fitted
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    opinions = form_opinions(model, caution, cut)
    assert opinions.no_opinion_R[0]
    assert not opinions.unlike_R[0]


def test_a_model_without_held_out_predictions_has_no_thresholds(
    grown: tuple[MemoryGraph, Floats],
) -> None:
    model = LogisticModel()
    caution = Caution.fit(grown[0], model.fit(grown[0], seed=0))
    with pytest.raises(InputError, match="thresholds"):
        form_opinions(model, caution, grown[0], precision=0.9)


def test_a_checkpoint_keeps_it(
    fitted: tuple[LogisticModel, Caution, MemoryGraph], tmp_path: Path
) -> None:
    model, caution, graph = fitted
    report = model.fit(graph, seed=0)
    save_checkpoint(tmp_path / "m", model, graph, report, seed=0, caution=caution)
    save_checkpoint(tmp_path / "plain", model, graph, report, seed=0)
    assert load_caution(tmp_path / "plain") is None
    again, _ = load_checkpoint(tmp_path / "m", encoder="hash")
    kept = load_caution(tmp_path / "m")
    assert kept is not None
    assert kept.thresholds == caution.thresholds
    for name, values in vars(form_opinions(again, kept, graph, precision=0.8)).items():
        expected = vars(form_opinions(model, caution, graph, precision=0.8))[name]
        np.testing.assert_array_equal(values, expected)
    fields = json.loads((tmp_path / "m" / MANIFEST).read_text())
    fields["caution"]["novelty"]["least_cosine"] = 0.9
    (tmp_path / "m" / MANIFEST).write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="checksum"):
        load_caution(tmp_path / "m")


def test_certainty() -> None:
    assert certainty(np.array([0.5, 1.0, 0.11], np.float32)) == pytest.approx([0, 1, 0.5], abs=0.01)
