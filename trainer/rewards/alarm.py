"""What an alarm of a run does: stop it, or be logged."""

import logging
from enum import StrEnum
from typing import Final

from schema.errors import RewardError

LOGGER: Final = logging.getLogger("memreward")


class OnAlarm(StrEnum):
    """What an alarm does to a run."""

    STOP = "stop"
    WARN = "warn"


def report(on_alarm: OnAlarm, text: str) -> None:
    """Stop the run with these words, or log them.

    Raises:
        RewardError: if alarms stop the run.
    """
    if on_alarm is OnAlarm.WARN:
        LOGGER.warning(text)
        return
    raise RewardError(
        f"{text}. The run stops here: go back to an earlier checkpoint and label more, or train "
        "the memory again; --on-alarm warn (`on_alarm`) continues"
    )
