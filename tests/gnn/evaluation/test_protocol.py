"""Comparing models: the shape of the result, and that no hidden reward can be reached."""

import io
import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pytest
from rich.console import Console
from support.graph_factory import make_graph, without_queries
from torch import Tensor

from gnn.base.metrics import MEASURES, measure
from gnn.base.reward_model import FitReport, ModelState, ProgressReport, no_progress
from gnn.evaluation.protocol import Evaluation, Trial, evaluate
from gnn.evaluation.tables import best_models, print_evaluation
from gnn.models.baselines.constant_majority_knn import ConstantModel, MajorityModel
from schema.errors import InputError, TrainingError
from schema.memory_graph import Floats, MemoryGraph


class Peeping:
    """A model that answers with whatever rewards it is shown, and .5 elsewhere."""

    name = "peeping"
    features: tuple[str, ...] = ()
    answer_outside = 0.5

    def __init__(self) -> None:
        self.shown = 0
        self.seed = 0

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        self.shown, self.seed = int(graph.labelled_R.sum()), seed
        return FitReport(n_rollouts=self.shown, n_queries=0, seconds=0.0)

    def predict(self, graph: MemoryGraph) -> Floats:
        assert graph.labelled_R.sum() == self.shown
        outside = self.answer_outside + self.seed / 100
        return np.where(graph.labelled_R, graph.verified_R, outside).astype(np.float32)

    def state(self) -> ModelState:
        return {}, {}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        return cls()


class Broken(Peeping):
    """A model that answers with NaN."""

    answer_outside = float("nan")


def run(models: Mapping[str, Any], seeds: int = 3) -> Evaluation:
    """Twenty queries of which every fourth arrives with the test file; six are labelled."""
    graph, truth_R = make_graph(n_queries=20)
    test_Q = np.arange(20) % 4 == 3
    before, _ = without_queries(graph, test_Q)
    test_R = test_Q[graph.query_of_rollout_R]
    trials: list[Trial] = []
    for seed in range(seeds):
        labelled = set(np.random.default_rng(seed).permutation(before.query_id_Q)[:6])
        shown_Q = np.array([q in labelled for q in graph.query_id_Q])
        unlabelled_R = ~shown_Q[graph.query_of_rollout_R] & ~test_R
        trials.append(
            Trial(
                seed=seed,
                labelled_query_ids=labelled,
                sets={"unlabelled": unlabelled_R, "test file": test_R},
            )
        )
    return evaluate(
        fit_graph=before,
        predict_graph=graph,
        truth_R=truth_R,
        trials=trials,
        models=models,
        labels=0.4,
    )


def test_result_has_the_promised_structure() -> None:
    result = run({"constant": ConstantModel, "majority": MajorityModel}).to_json()
    assert set(result) == {"sets", "best_of", "queries", "labels", "seeds", "seconds"}
    assert result["queries"]["labelled"] > 0 and result["queries"]["scored"] > 0
    assert (result["labels"], result["seeds"]) == (0.4, 3)
    assert list(result["sets"]) == ["unlabelled", "test file"]
    for rows in result["sets"].values():
        assert list(rows) == ["constant", "majority"]
        for row in rows.values():
            assert set(row["by_domain"]) == {"math", "qa"} or row["n_queries"] == 5
            for part in (row, *row["by_domain"].values(), *row["by_dataset"].values()):
                assert set(MEASURES) < set(part)
                assert {f"{name}_spread" for name in MEASURES} < set(part)
                assert {"n_queries", "n_rollouts"} < set(part)
    assert result["sets"]["test file"]["majority"]["n_rollouts"] == 20
    json.dumps(result, allow_nan=False)


def test_best_of_n_compares_every_model_with_vote_chance_and_oracle() -> None:
    evaluation = run({"constant": ConstantModel, "peeping": Peeping})
    result = evaluation.to_json()
    assert list(result["best_of"]) == ["unlabelled", "test file"]
    found = result["best_of"]["test file"]
    # Four rollouts a query: nothing to choose among eight.
    assert list(found) == ["2", "4", "by_domain"]
    assert list(found["4"]) == ["constant", "peeping", "majority", "random", "oracle"]
    in_R = evaluation.scored["constant"][0].trial.sets["test file"]
    truth = evaluation.truth_R[in_R].reshape(-1, 4)
    for row in (found["4"]["constant"], found["4"]["random"], found["2"]["random"]):
        assert row["accuracy"] == pytest.approx(truth.mean())
    assert found["4"]["oracle"]["accuracy"] == pytest.approx(truth.max(axis=1).mean())
    assert found["4"]["random"]["regret"] == pytest.approx(
        (truth.max(axis=1) - truth.mean(1)).mean()
    )
    console = Console(width=160, file=io.StringIO())
    print_evaluation(result, console)
    shown = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert f"{found['4']['oracle']['accuracy']:.3f} (0.000)" in shown


def test_mean_and_spread_are_over_seeds() -> None:
    evaluation = run({"constant": ConstantModel})
    row = evaluation.to_json()["sets"]["unlabelled"]["constant"]
    ece: list[float] = []
    for scored in evaluation.scored["constant"]:
        in_R = scored.trial.sets["unlabelled"]
        query_R = evaluation.graph.query_of_rollout_R[in_R]
        one = measure(scored.probability_R[in_R], evaluation.truth_R[in_R], query_R)
        ece.append(one.ece or 0.0)
    assert row["ece"] == pytest.approx(np.mean(ece))
    assert row["ece_spread"] == pytest.approx(np.std(ece, ddof=1))
    assert (
        run({"constant": ConstantModel}, seeds=1).to_json()["sets"]["unlabelled"]["constant"][
            "ece_spread"
        ]
        is None
    )


def test_hidden_rewards_cannot_be_reached() -> None:
    evaluation = run({"peeping": Peeping})
    for scored in evaluation.scored["peeping"]:
        labelled_Q = [q in scored.trial.labelled_query_ids for q in evaluation.graph.query_id_Q]
        shown_R = np.array(labelled_Q)[evaluation.query_R]
        assert (scored.probability_R[shown_R] == evaluation.truth_R[shown_R]).all()
        assert len(set(scored.probability_R[~shown_R])) == 1
    row = evaluation.to_json()["sets"]["unlabelled"]["peeping"]
    assert (row["auc"], row["within_query"], row["auc_spread"]) == (0.5, 0.5, 0.0)


def test_a_set_with_labelled_rollouts_is_refused() -> None:
    graph, truth_R = make_graph()
    everything = np.ones(len(truth_R), dtype=np.bool_)
    trial = Trial(seed=0, labelled_query_ids=graph.query_id_Q[:1], sets={"all": everything})
    with pytest.raises(InputError, match="4 labelled rollouts"):
        evaluate(
            fit_graph=graph,
            predict_graph=graph,
            truth_R=truth_R,
            trials=[trial],
            models={"constant": ConstantModel},
            labels=0.1,
        )


def test_a_model_without_an_answer_is_refused() -> None:
    with pytest.raises(TrainingError, match="'broken' gave no probability"):
        run({"broken": Broken})


def test_unknown_truths_are_left_out_and_one_class_is_not_applicable() -> None:
    graph, truth_R = make_graph()
    truth_R[:] = 1.0
    truth_R[0] = 0.0
    truth_R[-1] = np.nan
    rest_R = graph.query_of_rollout_R > 0
    trial = Trial(seed=0, labelled_query_ids=["q0000"], sets={"rest": rest_R})
    evaluation = evaluate(
        fit_graph=graph,
        predict_graph=graph,
        truth_R=truth_R,
        trials=[trial],
        models={"majority": MajorityModel},
        labels=0.1,
    )
    row = evaluation.to_json()["sets"]["rest"]["majority"]
    assert row["n_rollouts"] == rest_R.sum() - 1
    assert row["auc"] is row["within_query"] is row["brier_skill"] is None
    console = Console(width=160, file=io.StringIO())
    print_evaluation(evaluation.to_json(), console)
    assert "n/a" in console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_best_is_lowest_for_ece_and_highest_otherwise() -> None:
    rows = {"a": {"auc": 0.7, "ece": 0.1}, "b": {"auc": 0.6, "ece": 0.2}, "c": {"auc": None}}
    assert best_models(rows, "auc") == {"a"}
    assert best_models({"a": rows["a"], "b": rows["b"]}, "ece") == {"a"}
    assert best_models({"a": rows["a"], "x": rows["a"]}, "auc") == set()
