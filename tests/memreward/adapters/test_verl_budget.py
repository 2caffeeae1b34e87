"""verl with a budget of verifier calls, against the recorded calls and a memory of a few lines."""

import asyncio
import inspect
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from memreward.adapters import verl_budget
from memreward.adapters.call_budget import call_budget
from memreward.client import environment as client
from memreward.scoring.sendable import Row
from schema.errors import InputError, ServerError, SettingsError
from schema.score import Score, ScoreSource

SIGNATURES = json.loads((Path(__file__).parent / "signatures.json").read_text(encoding="utf-8"))
INFO = {"question": "What is 2 + 2?", "split": "train"}
FIXED: dict[str, Any] = {"wait": 0.05}


class Planner:
    """Plans the first rows, says .25 of what is not verified, and takes equal texts' verdicts."""

    def __init__(self) -> None:
        self.planned: list[tuple[int, int]] = []
        self.scored: list[list[Row]] = []
        self.error: Exception | None = None

    def plan_calls(self, rows: Sequence[Row], budget: int) -> list[int]:
        self.planned.append((len(rows), budget))
        return list(range(min(budget, len(rows))))

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        if self.error is not None:
            raise self.error
        self.scored.append(list(rows))
        known = {row["completion"]: row["reward"] for row in rows if "reward" in row}
        return [self._score(row, known) for row in rows]

    def _score(self, row: Row, known: dict[str, float]) -> Score:
        value, source = 0.25, ScoreSource.PROPAGATED
        if row["completion"] in known:
            source = ScoreSource.VERIFIED if "reward" in row else ScoreSource.SAME_CONCLUSION
            value = known[row["completion"]]
        return Score(rollout_id="r", value=value, confidence=1.0, source=source)


@pytest.fixture
def planner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Planner]:
    found = Planner()
    monkeypatch.setattr(client, "asked", lambda: found)
    call_budget.cache_clear()
    yield found
    call_budget.cache_clear()


def verify(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any
) -> dict[str, float]:
    """As verl's own functions answer."""
    return {"score": float(solution_str == ground_truth), "data": len(data_source)}


def unasked(**_: Any) -> float:
    raise AssertionError("the verifier was called")


def test_verl_calls_fit() -> None:
    recorded = SIGNATURES["verl"]
    for function, name in (
        (verl_budget.compute_score, "NaiveRewardManager.run_single"),
        (verl_budget.compute_score_batch, "BatchRewardManager.verify"),
    ):
        call = recorded[name]
        configured = partial(function, verify=verify, calls=0.5)
        for names in (call["keywords"], call["keywords"] + call["sometimes"]):
            inspect.signature(configured).bind(**dict.fromkeys(names, None))
    assert inspect.iscoroutinefunction(partial(verl_budget.compute_score, verify=verify, calls=1))


def test_samples_that_come_together_share_a_budget(planner: Planner) -> None:
    texts = ["4", "4", "5", "", "7", "7"]

    async def step() -> list[dict[str, float]]:
        one = partial(verl_budget.compute_score, verify=verify, calls=0.5, **FIXED)
        return await asyncio.gather(*(one("sums", text, "4", INFO) for text in texts))

    said = asyncio.run(step())
    assert planner.planned == [(5, 3)]  # Half of six; the blank one is not worth a call.
    assert [entry["score"] for entry in said] == [1.0, 1.0, 0.0, 0.0, 0.25, 0.25]
    assert [entry["memreward_verified"] for entry in said] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert len({tuple(entry) for entry in said}) == 1
    asyncio.run(step())
    assert planner.planned[1] == (5, 3)


def test_a_batch_is_planned_as_a_whole_and_calls_add_up(planner: Planner) -> None:
    name = f"{__name__}:verify"
    for n_calls in (1, 1, 1, 2):  # A quarter of 5 is 1.25: what is left counts later.
        texts = ["4", "5", "6", "7", "8"]
        said = verl_budget.compute_score_batch(
            ["sums"] * 5, texts, ["4"] * 5, [INFO] * 5, verify=name, calls=0.25
        )
        assert planner.planned[-1] == (5, n_calls)
        assert sum("reward" in row for row in planner.scored[-1]) == n_calls
        assert said[0]["score"] == 1.0
    assert verl_budget.compute_score_batch([], [], [], [], verify=name, calls=0.25) == []


def test_nothing_is_verified_in_evaluation_or_without_calls(planner: Planner) -> None:
    held_out = {**INFO, "split": "test"}
    for info, calls in ((held_out, 1.0), (INFO, 0.0)):
        said = verl_budget.compute_score_batch(
            ["d"], ["4"], ["4"], [info], verify=unasked, calls=calls
        )
        assert said[0]["memreward_verified"] == 0.0
    assert planner.planned == []


def test_failures_are_raised(planner: Planner) -> None:
    one = partial(verl_budget.compute_score, **FIXED)
    planner.error = ServerError("gone: start it")
    with pytest.raises(ServerError, match="gone"):
        asyncio.run(one("d", "4", "4", INFO, verify=verify, calls=1.0))
    for name in ("no.such.module:f", f"{__name__}:nothing", f"{__name__}:INFO"):
        with pytest.raises(SettingsError, match=r"package\.module:function"):
            asyncio.run(one("d", "4", "4", INFO, verify=name, calls=1.0))
    with pytest.raises(InputError, match="to verify, 0 to"):
        asyncio.run(one("d", "4", "4", INFO, verify=verify, calls=25.0))
    with pytest.raises(InputError, match="add what the policy is asked"):
        asyncio.run(one("d", "4", "4", {"split": "train"}, verify=verify, calls=1.0))
    batch = partial(verl_budget.compute_score_batch, verify=verify, calls=1.0)
    with pytest.raises(InputError, match="mixes splits"):
        batch(["d"] * 2, ["4"] * 2, ["4"] * 2, [INFO, {**INFO, "split": "test"}])
