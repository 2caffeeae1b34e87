"""TRL's warning about completions without any reward, which a masked completion is on purpose.

It prints all columns of such a row into the log, the hidden gold answer among them. It is
suppressed only for a batch that our reward function has just masked a completion of.
"""

import logging
import re
from typing import Final

#: How the warning begins, after the process that gives it.
BEGINNING: Final = re.compile(
    r"(\[RANK \d+\] )?All reward functions returned None for the following kwargs"
)
#: The loggers that write it: a trainer each.
LOGGERS: Final = ("trl.trainer.grpo_trainer", "trl.trainer.rloo_trainer")


class _ExpectedMasks(logging.Filter):
    """Drops the next such warning, if it is expected."""

    def __init__(self) -> None:
        super().__init__()
        self.expected = False

    def filter(self, record: logging.LogRecord) -> bool:
        if not (self.expected and BEGINNING.match(str(record.msg))):
            return True
        self.expected = False
        return False


_FILTER: Final = _ExpectedMasks()


def expect_masks(masked: bool) -> None:
    """Say whether the rewards that a trainer is given next have masked completions."""
    _FILTER.expected = masked
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)  # A filter that is there is not added twice.
