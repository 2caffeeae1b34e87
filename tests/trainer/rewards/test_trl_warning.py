"""TRL's warning about masked completions, which shows hidden columns, by the installed TRL."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from support.fake_scorer import FakeScorer
from support.trl_calls import says_gold

from schema.rollout import Rollout
from trainer.rewards.from_memory import memory_reward
from trainer.rewards.trl_warning import LOGGERS

SECRET = "the hidden gold answer"


def no_opinion(rollout: Rollout) -> None:
    """Masks everything that is not labelled."""


def nothing(prompts: Any, **columns: Any) -> list[None]:
    """A reward function of somebody else that fails."""
    return [None] * len(prompts)


def rewarded(trainer: Any, function: Any) -> None:
    """Have a trainer of TRL ask for the rewards of two completions."""
    torch = pytest.importorskip("torch")
    owner = SimpleNamespace(
        accelerator=SimpleNamespace(device=torch.device("cpu"), is_main_process=True),
        reward_funcs=[function],
        reward_processing_classes=[None],
        reward_func_names=["reward"],
        state=SimpleNamespace(global_step=0, max_steps=1),
        model=SimpleNamespace(training=True),
        environments=None,
        eos_token_ids=[0],
        args=SimpleNamespace(report_to=[]),
        _log_completion_extra=print,
        _metrics={},
    )
    owner._log_metric = log_metric.__get__(owner)
    inputs = [{"prompt": "q", "gold": SECRET}] * 2
    trainer._calculate_rewards(owner, inputs, ["q"] * 2, ["1", "2"], [[5, 0], [6, 0]])


def log_metric(self: Any, name: str, value: float) -> None:
    """As TRL's: a method of the trainer."""


@pytest.mark.parametrize("name", LOGGERS)
def test_a_masked_completion_is_not_printed_and_other_warnings_are(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    from accelerate import PartialState
    from trl.trainer.grpo_trainer import GRPOTrainer
    from trl.trainer.rloo_trainer import RLOOTrainer

    PartialState()
    trainer = {"grpo": GRPOTrainer, "rloo": RLOOTrainer}[name.split(".")[-1].split("_")[0]]
    memory = FakeScorer(no_opinion)
    ours = memory_reward(memory, verify=says_gold, labelled={"other"})
    with caplog.at_level(logging.WARNING):
        rewarded(trainer, ours)
        assert SECRET not in caplog.text
        rewarded(trainer, nothing)
        assert caplog.text.count(SECRET) == 1
        rewarded(trainer, ours)
        assert caplog.text.count(SECRET) == 1
        logging.getLogger(name).warning("something else")
        assert "something else" in caplog.text
