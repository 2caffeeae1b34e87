import numpy as np
import pytest
from support.graph_factory import make_graph

from gnn.evaluation.label_noise import Outcome, Spoiling, robustness, summary
from gnn.evaluation.protocol import Trial
from gnn.models.baselines.logistic import LogisticModel
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=2, queries_a_batch=16)
)
CASES = [
    Spoiling(kind="random", share=0.1),
    Spoiling(kind="annotator", share=0.4),
    Spoiling(kind="source", share=0.2),
]


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    graph, truth_R = make_graph(60, 5)
    trials = [
        Trial(
            seed=seed,
            labelled_query_ids=set(graph.query_id_Q[:40]),
            sets={"unlabelled": graph.query_of_rollout_R >= 40},
        )
        for seed in range(2)
    ]
    models = {"memreward": lambda: MemrewardModel(SMALL), "logistic": LogisticModel}
    return robustness(graph=graph, truth_R=truth_R, trials=trials, spoilings=CASES, models=models)


def test_every_case_is_there_for_every_model_and_seed(outcomes: list[Outcome]) -> None:
    assert len(outcomes) == 2 * 4 * 2
    for outcome in outcomes:
        finds = outcome.model == "memreward" and outcome.spoiling is not None
        assert (outcome.finding is not None) == finds
        assert outcome.metrics.n_queries == 20


def test_the_summary_has_means_losses_and_what_was_found(outcomes: list[Outcome]) -> None:
    rows = {(row["model"], row["kind"], row["share"]): row for row in summary(outcomes)}
    assert len(rows) == 8
    for (model, kind, share), row in rows.items():
        one = [
            o
            for o in outcomes
            if o.model == model
            and (
                (o.spoiling is None)
                if kind == "none"
                else o.spoiling == Spoiling(kind=kind, share=share)
            )
        ]
        assert row["auc"] == pytest.approx(np.mean([o.metrics.auc for o in one if o.metrics.auc]))
        assert row["auc_loss"] == pytest.approx(rows[model, "none", 0.0]["auc"] - row["auc"])
        assert ("found_precision" in row) == (model == "memreward" and kind != "none")
    assert rows["memreward", "random", 0.1]["found_auc"] > 0.6
    assert rows["memreward", "random", 0.1]["source_named"] is None
    assert rows["memreward", "source", 0.2]["source_named"] == 1.0
