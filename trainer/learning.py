"""A memory that learns on while a trainer of TRL or transformers trains."""

import logging
from collections.abc import Callable
from typing import Any, Final

from schema.errors import TrainingError
from trainer.grpo import Hook, hook_callback

_LOGGER: Final = logging.getLogger(__name__)


def learn_every(steps: int, learn: Callable[[], object]) -> Any:
    """A callback that calls `learn` (`memreward.Memory.learn`) every so many steps.

    As long as too few queries are labelled it says so in the log, and the training goes on.
    """

    def do(step: int) -> None:
        try:
            learn()
        except TrainingError as error:
            _LOGGER.warning("step %d: the memory cannot learn yet: %s", step, error)

    return hook_callback(Hook(every=steps, do=do, at_start=False))
