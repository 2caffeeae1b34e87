"""A memory that learns on while a trainer of TRL or transformers trains."""

import logging
from collections.abc import Callable
from typing import Any, Final

from schema.errors import TrainingError
from trainer.runs.grpo import Hook, hook_callback

_LOGGER: Final = logging.getLogger(__name__)


def learn_every(steps: int, learn: Callable[[], object]) -> Any:
    """A callback that calls `learn` (`memreward.Memory.learn`) every so many steps.

    As long as too few queries are labelled it logs a warning, and training continues.
    """
    return hook_callback(
        Hook(
            every=steps, do=lambda step: learn_or_say(learn, step, _LOGGER.warning), at_start=False
        )
    )


def learn_or_say(learn: Callable[[], object], step: int, say: Callable[[str], None]) -> None:
    """Learn; as long as too few queries are labelled, say so instead."""
    try:
        learn()
    except TrainingError as error:
        say(f"step {step}: the memory cannot learn yet: {error}")
