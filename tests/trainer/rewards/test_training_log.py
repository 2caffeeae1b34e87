"""What a training script is told of its rewards, and of budgets that are too small."""

import logging
from types import SimpleNamespace

import pytest
from support.fake_scorer import FakePlanner, FakeScorer
from support.trl_calls import Calls, says_gold

from gnn.models.memreward.model import MemrewardModel
from gnn.models.prior_model import PriorModel
from schema.rollout import Rollout
from schema.score import FEWEST_LABELLED
from trainer.rewards.from_memory import memory_reward
from trainer.rewards.training_log import PRIOR


class Learner(FakePlanner):
    """A memory whose model has a version."""

    model: str | None = None


def opinion(rollout: Rollout) -> float | None:
    """None of `unknown`, the same of all of `flat`."""
    if rollout.query == "unknown":
        return None
    return 0.5 if rollout.query == "flat" else int(rollout.answer[-1]) / 10


def test_the_numbers_are_those_of_the_models() -> None:
    assert MemrewardModel().fewest_queries == FEWEST_LABELLED
    assert PriorModel.name == PRIOR


def test_a_line_at_each_refresh_and_none_before(caplog: pytest.LogCaptureFixture) -> None:
    memory = Learner(opinion)
    call = Calls(memory_reward(memory, verify=says_gold, labelled={"a"}))
    batch = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "9")]
    others = [("unknown", "1"), ("unknown", "2"), ("flat", "1"), ("flat", "2"), ("flat", "3")]
    with caplog.at_level(logging.INFO):
        caplog.clear()
        call(batch, step=0)
        call(others, step=1)
        assert not caplog.records
        memory.model = "memreward-1"
        call(batch, step=2)
        memory.model = "memreward-2"
        call.model.training = False
        call(others, step=3)
        call.model.training = True
        call(batch, step=3)
    first, second = (record.getMessage() for record in caplog.records)
    assert first == (
        "step 2: memreward-1 scores from here on; 1 labelled queries in this run of the 10 that a "
        "model of its own needs. Since step 0: 44% of 9 completions had a reward (2 verified, 0 "
        "taken over, 2 propagated); masked: 2 without an opinion or a verdict, 3 in groups whose "
        "rewards hardly differ"
    )
    assert second.startswith("step 3: memreward-2") and "100% of 4 completions" in second


@pytest.mark.parametrize(
    ("model", "labelled", "warned"),
    [
        (None, 4, True),
        (None, 0, True),
        ("prior-3", 4, True),
        ("memreward-1", 4, False),
        (None, 10, False),
    ],
)
def test_too_few_labelled_queries_are_warned_of_before_anything_is_scored(
    caplog: pytest.LogCaptureFixture, model: str | None, labelled: int, warned: bool
) -> None:
    memory = Learner(opinion)
    memory.model = model
    memory_reward(memory, verify=says_gold, labelled=[f"q{n}" for n in range(labelled)])
    assert (f"{labelled} queries are labelled, and a memory learns" in caplog.text) is warned


def test_a_scorer_without_a_model_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    memory_reward(FakeScorer(opinion), verify=says_gold, labelled={"a"})
    assert not caplog.records


@pytest.mark.parametrize(("calls", "warned"), [(2, False), (1, True), (0.5, False), (0.1, True)])
def test_calls_that_cannot_label_enough_are_warned_of_once(
    caplog: pytest.LogCaptureFixture, calls: float, warned: bool
) -> None:
    memory = Learner(opinion)
    share = calls if isinstance(calls, float) else None
    reward = memory_reward(
        memory, verify=says_gold, calls=share, calls_per_step=None if share else int(calls)
    )
    assert not caplog.records
    for step in range(2):
        reward(
            prompts=["a"] * 4,
            completions=["1", "2", "3", "4"],
            completion_ids=[[5, 6, 0]] * 4,
            trainer_state=SimpleNamespace(global_step=step, max_steps=8),
            log_metric=Calls(reward).log_metric,
            gold=["2"] * 4,
        )
    assert caplog.text.count("calls of the verifier in 8 steps") == int(warned)
