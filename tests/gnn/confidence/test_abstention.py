"""Predictions with abstention: value, confidence, and what of the policy a checkpoint keeps."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.graph_factory import labelled, make_graph

from gnn.base.reward_model import Held
from gnn.checkpoints.loading import load_checkpoint, load_policy
from gnn.checkpoints.manifest import MANIFEST
from gnn.checkpoints.saving import save_checkpoint
from gnn.confidence.abstention import AbstentionPolicy, certainty, predict
from gnn.confidence.thresholds import OneSided, Thresholds
from gnn.models.baselines.logistic import LogisticModel
from schema.errors import CheckpointError, InputError
from schema.memory_graph import Floats, MemoryGraph


@pytest.fixture(scope="module")
def grown() -> tuple[MemoryGraph, Floats]:
    graph, truth_R = make_graph(240)
    return labelled(graph, truth_R), truth_R


@pytest.fixture(scope="module")
def fitted(
    grown: tuple[MemoryGraph, Floats],
) -> tuple[LogisticModel, AbstentionPolicy, MemoryGraph]:
    """A model with held-out predictions made up from its own."""
    graph, truth_R = grown
    model = LogisticModel()
    report = model.fit(graph, seed=0)
    held = Held(probability_L=model.predict(graph), reward_L=truth_R)
    return model, AbstentionPolicy.fit(graph, replace(report, held=held)), graph


def test_it_abstains_where_the_query_is_unlike_anything(
    fitted: tuple[LogisticModel, AbstentionPolicy, MemoryGraph],
) -> None:
    model, policy, graph = fitted
    texts = list(graph.answer_text_R)
    strange_R = graph.query_of_rollout_R == 239
    for row in np.flatnonzero(strange_R):
        texts[row] = "```python\ndef f(x):\n    return [i for i in x]\n```" * 9
    found = predict(model, policy, replace(graph, answer_text_R=texts))
    assert found.out_of_distribution_R[strange_R].all()
    assert found.abstained_R[strange_R].all()
    assert found.abstained_R.mean() < 0.1
    assert np.isfinite(found.value_R).all()
    np.testing.assert_array_equal(found.confidence_R, certainty(found.value_R))


def test_it_abstains_between_the_thresholds(
    fitted: tuple[LogisticModel, AbstentionPolicy, MemoryGraph],
) -> None:
    model, policy, graph = fitted
    low, high = np.quantile(model.predict(graph), [0.25, 0.75]).tolist()
    thresholds = Thresholds(
        right=OneSided(thresholds=(0.0, high), precisions=(0.5, 0.95)),
        wrong=OneSided(thresholds=(0.0, 1 - low), precisions=(0.5, 0.95)),
    )
    policy = replace(policy, thresholds=thresholds)
    found = predict(model, policy, graph, precision=0.9)
    expected_R = (found.value_R > low) & (found.value_R < high)
    np.testing.assert_array_equal(
        found.abstained_R & ~found.out_of_distribution_R, expected_R & ~found.out_of_distribution_R
    )
    assert 0.4 < found.abstained_R.mean() < 0.6


def test_a_rollout_without_a_query(
    fitted: tuple[LogisticModel, AbstentionPolicy, MemoryGraph],
) -> None:
    model, policy, graph = fitted
    cut = replace(graph, generated_2E=graph.generated_2E[:, 1:])
    found = predict(model, policy, cut)
    assert found.abstained_R[0]
    assert not found.out_of_distribution_R[0]


def test_a_model_without_held_out_predictions_has_no_thresholds(
    grown: tuple[MemoryGraph, Floats],
) -> None:
    model = LogisticModel()
    policy = AbstentionPolicy.fit(grown[0], model.fit(grown[0], seed=0))
    with pytest.raises(InputError, match="thresholds"):
        predict(model, policy, grown[0], precision=0.9)


def test_a_checkpoint_keeps_it(
    fitted: tuple[LogisticModel, AbstentionPolicy, MemoryGraph], tmp_path: Path
) -> None:
    model, policy, graph = fitted
    report = model.fit(graph, seed=0)
    save_checkpoint(tmp_path / "m", model, graph, report, seed=0, policy=policy)
    save_checkpoint(tmp_path / "plain", model, graph, report, seed=0)
    assert load_policy(tmp_path / "plain") is None
    again, _ = load_checkpoint(tmp_path / "m", encoder="hash")
    kept = load_policy(tmp_path / "m")
    assert kept is not None
    assert kept.thresholds == policy.thresholds
    for name, values in vars(predict(again, kept, graph, precision=0.8)).items():
        expected = vars(predict(model, policy, graph, precision=0.8))[name]
        np.testing.assert_array_equal(values, expected)
    fields = json.loads((tmp_path / "m" / MANIFEST).read_text())
    fields["caution"]["novelty"]["least_cosine"] = 0.9
    (tmp_path / "m" / MANIFEST).write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match="checksum"):
        load_policy(tmp_path / "m")


def test_certainty() -> None:
    assert certainty(np.array([0.5, 1.0, 0.11], np.float32)) == pytest.approx([0, 1, 0.5], abs=0.01)
