"""Budgets of calls: what is measured, and that no hidden verdict reaches a choice."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from support.graph_factory import make_graph
from support.small_model import small_model

from gnn.calls.strategies import STRATEGIES
from gnn.evaluation.call_budget import COUNTED, OWN, Bought, CallCurve, evaluate_calls
from gnn.evaluation.call_tables import print_calls, sentence, write_calls_report
from gnn.evaluation.figures import call_figure
from schema.errors import InputError

SHARES = (0.1, 0.3)


def curve(truth_R, strategies=tuple(STRATEGIES), seeds=1, graph=None, shares=SHARES) -> CallCurve:
    make: Any = small_model
    return evaluate_calls(
        make_graph(30)[0] if graph is None else graph,
        truth_R,
        shares=shares,
        seeds=seeds,
        strategies=strategies,
        make=make,
    )


@pytest.fixture(scope="module")
def truth_R():
    return make_graph(30)[1]


@pytest.fixture(scope="module")
def found(truth_R) -> CallCurve:
    return curve(truth_R, seeds=2)


def bought(found: CallCurve, strategy: str, share: float) -> Bought:
    return next(b for b in found.bought if (b.strategy, b.share, b.seed) == (strategy, share, 0))


def test_a_row_for_each_budget_and_strategy(found: CallCurve) -> None:
    result = found.to_json()
    counted = [name + COUNTED for name in STRATEGIES if name != OWN]
    assert list(result["calls"]) == ["0.1", "0.3"]
    for share, rows in result["calls"].items():
        assert set(rows) == {*STRATEGIES, *counted}
        for row in rows.values():
            assert row["calls"] <= round(float(share) * result["rollouts"])
            assert row["n_rollouts"] == result["rollouts"] == 120
            assert row["never_verified"]["n_rollouts"] == 120 - row["calls"]
            assert set(row["by_domain"]) == {"math", "qa"}
            assert {"auc", "within_query", "accuracy", "ece", "saved"} <= set(row)
    assert result["calls"]["0.3"][OWN]["auc"] > result["calls"]["0.1"][OWN]["auc"]
    json.dumps(result, allow_nan=False)


def test_verdicts_are_kept_from_budget_to_budget(found: CallCurve) -> None:
    for name in STRATEGIES:
        few, many = (bought(found, name, share).verdict_R for share in SHARES)
        assert (few[~np.isnan(few)] == many[~np.isnan(few)]).all()
        assert np.isnan(few).sum() > np.isnan(many).sum()


def test_a_verdict_counts_for_its_conclusion(found: CallCurve) -> None:
    own = bought(found, OWN, 0.3)
    conclusion_R = found.graph.conclusion_of_rollout_R
    known_R = ~np.isnan(own.verdict_R)
    shared = set(conclusion_R[known_R & (conclusion_R >= 0)].tolist())
    expected_R = known_R | np.isin(conclusion_R, list(shared))
    assert (~np.isnan(own.shared_R) == expected_R).all()
    row = found.to_json()["calls"]["0.3"][OWN]
    assert row["saved"] > 0
    taken_R = expected_R & ~known_R
    holds_R = (own.shared_R >= 0.5) == (found.truth_R >= 0.5)
    one = replace(found, bought=[own]).to_json()["calls"]["0.3"][OWN]
    assert one["agreement"] == pytest.approx(holds_R[taken_R].mean())
    assert {domain: part["agreement"] for domain, part in one["by_domain"].items()} == {
        "math": 1.0,
        "qa": 1.0,
    }


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_hidden_verdict_is_shown(name: str, truth_R) -> None:
    """Two worlds differ in all rewards that are not bought: what is chosen and said is the same."""
    strategies = [] if name == OWN else [name]
    here = curve(truth_R, strategies)
    last = bought(here, name, max(SHARES)).verdict_R
    other_R = np.where(np.isnan(last), 1 - truth_R, truth_R)
    there = curve(other_R, strategies)
    for share in SHARES:
        a, b = bought(here, name, share), bought(there, name, share)
        assert a.verdict_R.tobytes() == b.verdict_R.tobytes()
        assert a.probability_R.tobytes() == b.probability_R.tobytes()


def test_a_bought_verdict_does_matter(truth_R) -> None:
    here = curve(truth_R, [])
    first = bought(here, OWN, min(SHARES))
    other_R = truth_R.copy()
    other_R[np.flatnonzero(~np.isnan(first.verdict_R))[0]] = 0.5
    there = bought(curve(other_R, []), OWN, min(SHARES))
    assert first.probability_R.tobytes() != there.probability_R.tobytes()


def test_rollouts_without_a_reward_are_neither_bought_nor_scored(truth_R) -> None:
    unknown_R = truth_R.copy()
    unknown_R[::2] = np.nan
    result = curve(unknown_R, ["random"], shares=(0.5,))
    assert result.to_json()["rollouts"] == 60
    for one in result.bought:
        assert np.isnan(one.verdict_R[::2]).all()


def test_what_cannot_be_compared_is_refused(truth_R) -> None:
    with pytest.raises(InputError, match="no strategy is called best: choose from memreward"):
        curve(truth_R, ["best"])
    with pytest.raises(InputError, match="no rollout has a reward"):
        curve(np.full_like(truth_R, np.nan), [])


def test_tables_a_sentence_and_a_page(found: CallCurve, tmp_path: Path) -> None:
    result, stream = found.to_json(), io.StringIO()
    print_calls(result, Console(file=stream, width=200))
    for word in ("10%", "30%", *STRATEGIES, "AUROC", "ECE", "saved", "never verified", "math"):
        assert word in stream.getvalue()
    assert "With 10% of the rollouts verified (12 calls" in sentence(result)
    assert "confirmed: math 100.0%, qa 100.0%." in stream.getvalue()
    page = write_calls_report(result, tmp_path / "page")
    assert "calls.png" in page.read_text()
    assert (page.parent / "calls.png").stat().st_size > 10_000
    assert len(call_figure(result).axes) == 4


def test_the_sentence_names_who_needs_more(found: CallCurve) -> None:
    row = {"auc": 0.8, "within_query": 0.7, "accuracy": 0.9, "calls": 5.0, "saved": 7.0}
    worse, better = {**row, "auc": 0.7}, {**row, "auc": 0.85}
    result = {"calls": {"0.1": {OWN: row, "x": worse}, "0.3": {OWN: better, "x": better}}}
    assert sentence(result).endswith("the next best strategy by AUROC, x, needs 30%.")
    result["calls"]["0.3"]["x"] = worse
    assert sentence(result).endswith("x, does not reach that here.")
