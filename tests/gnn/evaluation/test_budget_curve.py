"""Label budget curves: tables, picture and page."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support.graph_factory import make_graph

from gnn.evaluation.budget_curve import (
    BudgetCurve,
    budget_figure,
    print_budgets,
    write_budget_report,
)
from gnn.evaluation.protocol import Trial, evaluate
from gnn.models.baselines.constant_majority_knn import ConstantModel, MajorityModel
from schema.errors import InputError


@pytest.fixture(scope="module")
def curve() -> BudgetCurve:
    graph, truth_R = make_graph(20)
    scored_R = graph.query_of_rollout_R >= 15
    evaluations = {
        share: evaluate(
            fit_graph=graph,
            predict_graph=graph,
            truth_R=truth_R,
            trials=[
                Trial(
                    seed=seed,
                    labelled_query_ids=graph.query_id_Q[: int(20 * share)],
                    sets={"unlabelled": scored_R},
                )
                for seed in range(2)
            ],
            models={"constant": ConstantModel, "majority": MajorityModel},
            labels=share,
        )
        for share in (0.1, 0.5)
    }
    return BudgetCurve(evaluations=evaluations)


def test_one_result_a_share(curve: BudgetCurve) -> None:
    result = curve.to_json()
    assert [budget["labels"] for budget in result["budgets"]] == [0.1, 0.5]
    sizes = {b["sets"]["unlabelled"]["constant"]["n_rollouts"] for b in result["budgets"]}
    assert sizes == {20}
    json.dumps(result, allow_nan=False)


def test_tables_name_every_share_and_model(curve: BudgetCurve) -> None:
    stream = io.StringIO()
    print_budgets(curve.to_json(), Console(file=stream, width=120))
    for word in ("10%", "50%", "constant", "majority", "AUROC", "ECE"):
        assert word in stream.getvalue()


def test_a_line_a_model(curve: BudgetCurve) -> None:
    result = curve.to_json()
    first, *_ = budget_figure(result, "unlabelled").axes
    assert [line.get_label() for line in first.lines] == ["constant", "majority"]
    drawn = np.array([line.get_ydata() for line in first.lines], dtype=float)
    assert drawn[0].tolist() == [0.5, 0.5]


def test_the_page_and_its_picture(curve: BudgetCurve, tmp_path: Path) -> None:
    page = write_budget_report(curve, tmp_path / "new")
    assert "budget.png" in page.read_text()
    assert "majority" in page.read_text()
    assert (tmp_path / "new" / "budget.png").stat().st_size > 1000
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="another folder"):
        write_budget_report(curve, tmp_path / "file" / "below")
