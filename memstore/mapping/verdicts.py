"""Rewards as tools write them: other ranges, thresholds, truth values and words, NaN."""

import math
from dataclasses import dataclass
from typing import Any, Final

from schema.errors import InputError

#: Words of graders, in lower case; Inspect's P is "partially correct".
_RIGHT: Final = ("true", "correct", "right", "yes", "y", "pass", "passed", "success", "c")
_WRONG: Final = ("false", "incorrect", "wrong", "no", "n", "fail", "failed", "failure", "i")
_VERDICTS: Final = {**dict.fromkeys(_RIGHT, 1.0), **dict.fromkeys(_WRONG, 0.0), "p": 0.5}


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardReading:
    """How the rewards of a file become numbers in [0, 1]."""

    #: The worst and the best value that there can be.
    range: tuple[float, float] | None = None
    #: From which value on a rollout is right (1), and below it wrong (0).
    threshold: float | None = None
    #: NaN says that nothing was verified.
    nan_missing: bool = False
    #: A list is one number a token, of which the sum counts.
    summed: bool = False
    #: Texts may be numbers, as in other tools' files.
    number_texts: bool = False

    def of(self, value: Any) -> Any:
        """`value` as a reward in [0, 1], or None.

        What is no number, truth value or word of a grader stays for the validator to refuse.

        Raises:
            InputError: if a list of numbers was not expected, a word is not known, or a number is
                NaN or outside the range.
        """
        number = self._number(value)
        if isinstance(number, bool):
            return float(number)
        if not isinstance(number, int | float):
            return number
        if math.isnan(number):
            if self.nan_missing:
                return None
            raise InputError(
                "`reward` is nan: say with --nan-missing that nothing was verified then, or leave "
                "the row out"
            )
        if self.threshold is not None:
            return float(number >= self.threshold)
        if self.range is not None:
            return self._scaled(number, *self.range)
        if not 0.0 <= number <= 1.0:
            raise InputError(
                f"`reward` is {number:g}: it must be in [0, 1]; if rewards go from LOW to HIGH, "
                "give --reward-range LOW:HIGH; if they are right from some value on, "
                "--reward-threshold"
            )
        return number

    def _number(self, value: Any) -> Any:
        if isinstance(value, list) and self.summed:
            if not value:
                raise InputError("`reward` is an empty list: leave the row out, or its reward")
            value = math.fsum(value)
        elif isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, str):
            return value
        word = value.strip().lower()
        if word in _VERDICTS:
            return _VERDICTS[word]
        try:
            return float(word) if self.number_texts else value
        except ValueError:
            raise InputError(
                f"`reward` is the text {value[:40]!r}: give a number, true or false, or a "
                "word such as correct or incorrect"
            ) from None

    def _scaled(self, number: float, low: float, high: float) -> float:
        if not low <= number <= high:
            raise InputError(
                f"`reward` is {number:g}, outside --reward-range {low:g}:{high:g}: widen the range"
            )
        return (number - low) / (high - low)


#: Numbers in [0, 1], truth values and words.
AS_GIVEN: Final = RewardReading()


def parse_range(text: str) -> tuple[float, float]:
    """Read `LOW:HIGH`.

    Raises:
        InputError: if it is no range.
    """
    low, colon, high = text.partition(":")
    try:
        numbers = float(low), float(high)
    except ValueError:
        numbers = (0.0, 0.0)
    if not colon or not numbers[0] < numbers[1] or not all(map(math.isfinite, numbers)):
        raise InputError(f"--reward-range {text!r}: give two numbers as in -1:1")
    return numbers
